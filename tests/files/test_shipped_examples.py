"""An example that ships is read with its labels; one that there is none of is named."""

from __future__ import annotations

import numpy as np
import pytest

from cellprop import CellpropError
from cellprop.files.examples import example, examples
from cellprop.files.samples import Table


def test_the_articles_example_ships_with_the_package():
    given_example = example()
    assert given_example.inputs.values.tolist() == [[1, 0, 1, 0], [1, 0, 1, 1], [0, 1, 0, 1]]
    assert given_example.targets.values.tolist() == [[1], [1], [0]]
    assert given_example.training["learning_rate"] == 0.1
    assert examples()[0] == "article"


@pytest.mark.parametrize("name", examples())
def test_an_examples_samples_are_tables_of_as_many_rows(name):
    X, y = example(name).inputs, example(name).targets
    assert isinstance(X, Table)
    assert isinstance(y, Table)
    assert X.values.shape[0] == y.values.shape[0]
    assert X.columns("inputs", "x").name == "inputs"
    for found in (X, y):
        assert found.values.dtype == np.float64
        labels = found.column_labels
        assert labels is None or len(labels) == found.values.shape[1]


def test_an_example_with_classes_calls_its_outputs_so():
    iris = example("iris").targets
    assert iris.columns("outputs", "o").name == "classes"
    assert len(set(iris.columns("outputs", "o").labels)) == iris.values.shape[1] == 3


def test_an_example_that_there_is_none_of_is_named():
    with pytest.raises(CellpropError) as caught:
        example("irs")
    assert str(caught.value) == (
        f"example: 'irs' is not known; known: {', '.join(examples())}. Did you mean 'iris'?"
    )
