"""A roster is read as it is, made safe; each student gets a file that every system can hold."""

from __future__ import annotations

import csv
import io
import re
from functools import partial

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop import CellpropError
from cellprop.files.roster import KEPT_AS_TEXT, Roster, Student, read, read_all
from cellprop.files.safe import label
from cellprop.files.titles import FIRST, FULL, ID, LAST, SOLE, known_by
from counting import grows_evenly
from foreign_files import NO_FILE, refused, sheet_of, written

ADA = Student("1042", "Ada Lovelace", 1, "ada-lovelace-1042")


def of_text(folder, content):
    return read(written(folder, content, "roster.csv"))


def of_rows(folder, rows, header=("name", "id")):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return of_text(folder, text.getvalue())


# --- What is accepted ---------------------------------------------------------------------


def test_students_come_in_the_order_of_the_roster(tmp_path):
    found = of_text(tmp_path, "name,id\nAda Lovelace,1042\nAlan Turing,7\n")
    assert found == (ADA, Student("7", "Alan Turing", 2, "alan-turing-7"))


@pytest.mark.parametrize(
    "content",
    [
        "id,name\n1042,Ada Lovelace\n",
        "ID;NAME\n1042;Ada Lovelace\n",
        "Name\tId\r\nAda Lovelace\t1042\r\n",
        '\ufeffgroup;name;mark, in %;id\nA;"Ada Lovelace";1,5;1042\n',
        "\n name , id ,\n  Ada \t Lovelace, 1042 ,\n , ,\n\n",
        'name,id,,\n"Ada\nLovelace",1042,x,\n',
        "name,note,id,note\nAda Lovelace,,1042,\n",
        "name,student id,id,email\nAda Lovelace,1,1042,ada@example.org\n",
        "student,name,id\nx,Ada Lovelace,1042\n",
        "last name,first name,id\nLovelace,Ada,1042\n",
        "Surname,First name,ID number\nLovelace,Ada,1042\n",
        "first name,last name,id\n,Ada Lovelace,1042\n",
        "Nachname;Vorname;Matrikelnummer\nLovelace;Ada;1042\n",
        "Student,Student_ID\nAda Lovelace,1042\n",
        "Full-Name,E-Mail,User name\nAda Lovelace,ada@example.org,1042\n",
    ],
)
def test_columns_are_found_whatever_their_order_letter_case_and_separator(tmp_path, content):
    assert of_text(tmp_path, content) == (ADA,)


def test_a_name_may_have_any_of_the_titles_it_is_known_by(tmp_path):
    for title in (*SOLE, *FULL):
        assert of_rows(tmp_path, [["Ada Lovelace", "1042"]], [title.upper(), "id"]) == (ADA,)
    for last in LAST:
        assert of_rows(tmp_path, [["Lovelace", "Ada", "1042"]], [last, "vorname", "id"]) == (ADA,)
    for first in FIRST:
        assert of_rows(tmp_path, [["Ada", "1042", "Lovelace"]], [first, "id", "nachname"]) == (ADA,)


def test_an_id_may_have_any_of_the_titles_it_is_known_by(tmp_path):
    for title in ID:
        assert of_rows(tmp_path, [["Ada Lovelace", "1042"]], ["Name", title.title()]) == (ADA,)


def test_no_title_stands_for_two_things():
    titles = [known_by(title) for title in (*SOLE, *FULL, *FIRST, *LAST, *ID)]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["Name", "Vorname", "Matrikelnummer"], ["Lovelace", "Ada", "1042"]),
        (["Nom", "Prénom", "Numéro d'étudiant"], ["Lovelace", "Ada", "1042"]),
        (["NOM", "PRE\u0301NOM", "Courriel"], ["Lovelace", "Ada", "1042"]),
        (["Nombre", "Apellido(s)", "Número de ID"], ["Ada", "Lovelace", "1042"]),
        (["Cognome", "Nome", "Matricola"], ["Lovelace", "Ada", "1042"]),
        (["Nome", "Sobrenome", "Endereço de email"], ["Ada", "Lovelace", "1042"]),
        (["Voornaam", "Achternaam", "Studentnummer"], ["Ada", "Lovelace", "1042"]),
    ],
)
def test_name_may_mean_the_last_or_the_first_where_the_other_stands_beside_it(
    tmp_path, header, row
):
    assert of_rows(tmp_path, [row], header) == (ADA,)


def test_an_email_is_an_id_only_if_there_is_no_other(tmp_path):
    (found,) = of_text(tmp_path, "email,name\nada@example.org,Ada\n")
    assert (found.id, found.file) == ("ada@example.org", "ada-ada-example-org")


@pytest.mark.parametrize("number", ["007", "1042.0", "1e3", "TRUE", "nan", "1_0", "=1", "a/b"])
def test_an_id_stays_the_text_that_it_is(tmp_path, number):
    assert of_text(tmp_path, f"name,id\nAda,{number}\n")[0].id == number


@pytest.mark.parametrize(
    ("cell", "number"),
    [(1042, "1042"), (1042.0, "1042"), ("007", "007"), (1e15, "1000000000000000"), (0.5, "0.5")],
)
def test_a_number_of_excel_becomes_the_id_that_is_seen(tmp_path, cell, number):
    rows = [[], ["No.", "Id", "Name"], [1.0, cell, " Ada "], [None, None, " "]]
    (found,) = read(sheet_of(tmp_path, rows))
    assert (found.id, found.name, found.position) == (number, "Ada", 1)


def test_only_the_first_sheet_is_read(tmp_path):
    path = sheet_of(tmp_path, [["name", "id"], ["Ada Lovelace", 1042]])
    book = openpyxl.load_workbook(path)
    book.create_sheet().append(["name", "id"])
    book.save(path)
    assert read(path) == (ADA,)


# --- What learning platforms export -------------------------------------------------------
#
# Where the facts are from:
# - Moodle: mod/assign/feedback/offline (the titles of the grading worksheet, and that an identifier
#   is the language's word for "Participant " with a number right behind it), and the language
#   packs of mod/assign (`recordid`, `hiddenuser`: in German "ID" and "Teilnehmer/in", without a
#   blank); the participants and the grades exported as CSV.
# - Canvas: lib/gradebook_exporter.rb (the columns; the row of what is hidden, whose first cells are
#   empty; "    Points Possible"; EX; the students of "student view" come last).
# - Blackboard: help.blackboard.com, "Work offline with grade data" (tab-separated text named .xls,
#   or CSV; the user name tells students apart); such files begin as UTF-16 does.
# - Brightspace: kb.wisc.edu/4330 ("#" before OrgDefinedId and Username, and as the last field), and
#   D2L's own help on importing grades (either or both of the two columns).
# - Sakai: the grades.csv of "Download All" (title and kind of grade, an empty line, the header).

BEE, CELIK = ("Ann Bee", "Eva Çelik")


def names_of(roster):
    return [(student.id, student.name) for student in roster]


MOODLE = (
    "Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),"
    "Last modified (grade),Feedback comments"
)
MOODLE_ROW = 'Submitted for grading - ,,10.00,Yes,"Monday, 2 March 2026, 9:00 AM",-,'
EXPORTS = {
    "Moodle's grading worksheet": (
        f"\ufeffIdentifier,Full name,Email address,{MOODLE}\n"
        f"Participant 123,Ann Bee,ann@example.org,{MOODLE_ROW}\n"
        f"Participant 7,Eva Çelik,eva@example.org,{MOODLE_ROW}\n",
        [("123", BEE), ("7", CELIK)],
        ["names are from 'Full name', ids from 'Identifier', not Email address."],
    ),
    "Moodle's grading worksheet in German": (
        "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung\n"
        "Teilnehmer/in123,Ann Bee,ann@example.org,Keine Abgabe,\n"
        "Teilnehmer/in7,Eva Çelik,eva@example.org,Keine Abgabe,\n",
        [("123", BEE), ("7", CELIK)],
        ["names are from 'Vollständiger Name', ids from 'ID', not E-Mail-Adresse."],
    ),
    "Moodle's participants": (
        '"First name","Last name","Email address",Groups\n'
        "Ann,Bee,ann@example.org,\nEva,Çelik,eva@example.org,A\n",
        [("ann@example.org", BEE), ("eva@example.org", CELIK)],
        ["names are from 'First name' and 'Last name', ids from 'Email address'."],
    ),
    "Moodle's grades, no id number given": (
        '"First name",Surname,"ID number",Institution,Department,"Email address","Course total"\n'
        "Ann,Bee,,,,ann@example.org,-\nEva,Çelik,,,,eva@example.org,7\n",
        [("ann@example.org", BEE), ("eva@example.org", CELIK)],
        ["names are from 'First name' and 'Surname', ids from 'Email address', not ID number."],
    ),
    "Moodle's grades in French": (
        "Prénom;Nom;Numéro d'identification;Adresse de courriel\n"
        "Ann;Bee;s1;ann@example.org\nEva;Çelik;s2;eva@example.org\n",
        [("s1", BEE), ("s2", CELIK)],
        [
            "names are from 'Prénom' and 'Nom', ids from 'Numéro d'identification', not Adresse de"
            " courriel."
        ],
    ),
    "Canvas's gradebook": (
        "Student,ID,SIS User ID,SIS Login ID,Section,Essay (11),Current Score\n"
        ",,,,,Manual Posting,\n"
        "    Points Possible,,,,,10,(read only)\n"
        '"Bee, Ann",101,s1,ann,Sec 1,EX,\n'
        '"Çelik, Eva",102,s2,eva,Sec 1 and Sec 2,7,70\n'
        '"Student, Test",103,,8b5f,Sec 1,,\n',
        [("101", "Bee, Ann"), ("102", "Çelik, Eva")],
        [
            "names are from 'Student', ids from 'ID', not SIS User ID, SIS Login ID.",
            "left out, being no students: line 2 (Manual Posting), line 3 (Points Possible), line 6"
            " (Student, Test).",
        ],
    ),
    "Canvas's gradebook, names apart, decimal commas": (
        "\ufeffLastName;FirstName;ID;SIS Login ID;Section;Essay (11)\n"
        "    Points Possible;;;;;10,00\n"
        "Bee;Ann;101;ann;Sec 1;7,50\nÇelik;Eva;102;eva;Sec 1;\nStudent;Test;103;8b5f;Sec 1;\n",
        [("101", BEE), ("102", CELIK)],
        [
            "names are from 'FirstName' and 'LastName', ids from 'ID', not SIS Login ID.",
            "left out, being no students: line 2 (Points Possible), line 5 (Test Student).",
        ],
    ),
    "Blackboard's grade center": (
        '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\t'
        '"Essay [Total Pts: 10 Score] |123"\r\n'
        '"Bee"\t"Ann"\t"ann"\t"0012"\t"2026-03-02 09:00:00"\t"Yes"\t""\r\n'
        '"Çelik"\t"Eva"\t"eva"\t""\t""\t"No"\t"7.5"\r\n'
        '"Kay_PreviewUser"\t"Alan"\t"kay_previewuser"\t""\t""\t"Yes"\t""\r\n',
        [("ann", BEE), ("eva", CELIK)],
        [
            "names are from 'First Name' and 'Last Name', ids from 'Username', not Student ID.",
            "left out, being no students: line 4 (kay_previewuser).",
        ],
    ),
    "Brightspace's grades": (
        "OrgDefinedId,Username,Last Name,First Name,Email,Essay Points Grade <Numeric MaxPoints:10>"
        ",End-of-Line Indicator\n"
        "#00246,#ann,Bee,Ann,ann@example.org,,#\n#7,#eva,Çelik,Eva,eva@example.org,7,#\n",
        [("00246", BEE), ("7", CELIK)],
        [
            "names are from 'First Name' and 'Last Name', ids from 'OrgDefinedId', not Username,"
            " Email."
        ],
    ),
    "Brightspace's grades without names": (
        "OrgDefinedId,Username,Essay Points Grade,End-of-Line Indicator\n"
        "#246,#ann,,#\n#7,#eva,,#\n",
        [("246", "ann"), ("7", "eva")],
        ["names are from 'Username', ids from 'OrgDefinedId'."],
    ),
    "Brightspace's grades by user name": (
        "Username,Essay Points Grade,End-of-Line Indicator\n#ann,,#\n#eva,,#\n",
        [("ann", "ann"), ("eva", "eva")],
        ["names are from 'Username', ids from 'Username'."],
    ),
    "Sakai's grades": (
        '"Essay","SCORE_GRADE_TYPE"\n""\n'
        '"Display ID","ID","Last Name","First Name","grade","Submission date","Late submission"\n'
        '"ann","a1","Bee","Ann","","2026-04-02T04:00:05Z","On time"\n'
        '"eva","e2","Çelik","Eva","7","",""\n',
        [("a1", BEE), ("e2", CELIK)],
        [
            "left out: what stands above the header in line 3.",
            "names are from 'First Name' and 'Last Name', ids from 'ID', not Display ID.",
        ],
    ),
}


@pytest.mark.parametrize("what", EXPORTS)
def test_what_a_platform_exports_is_a_roster_as_it_is(tmp_path, what):
    content, students, remarks = EXPORTS[what]
    path = written(tmp_path, content, "export.csv")
    found = read_all(path)
    assert names_of(found.students) == students
    assert list(found.remarks) == [f"{path}: {remark}" for remark in remarks]
    assert read(path) == found.students


@pytest.mark.parametrize("what", EXPORTS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_an_export_may_be_text_in_utf_16_that_calls_itself_xls(tmp_path, what, encoding):
    content, students, _ = EXPORTS[what]
    content = content.removeprefix("\ufeff")
    mark = "" if encoding == "utf-16" else "\ufeff"
    path = written(tmp_path, (mark + content).encode(encoding), "gc_course.XLS")
    assert names_of(read(path)) == students


@pytest.mark.parametrize("what", EXPORTS)
def test_an_export_may_have_been_saved_in_excel(tmp_path, what):
    content, students, remarks = EXPORTS[what]
    content = content.removeprefix("\ufeff")
    separator = max(",;\t", key=content.splitlines()[-1].count)
    rows = list(csv.reader(io.StringIO(content), delimiter=separator))
    path = sheet_of(tmp_path, [[cell or None for cell in row] for row in rows], "export.xlsx")
    found = read_all(path)
    assert names_of(found.students) == students
    above = ("what stands above the header in line 3", "line 1 above the table")
    assert [remark.replace("row ", "line ") for remark in found.remarks] == [
        f"{path}: {remark.replace(*above)}" for remark in remarks
    ]


def test_an_export_in_the_encoding_of_windows_is_read_with_a_remark(tmp_path):
    content = "Vorname;Nachname;Matrikelnummer\nEva;Müller;7\n".encode("cp1252")
    found = read_all(written(tmp_path, content, "export.csv"))
    assert names_of(found.students) == [("7", "Eva Müller")]
    assert "read as Western European" in found.remarks[0]


def test_a_plain_roster_needs_no_remark(tmp_path):
    path = written(tmp_path, "Name;group;ID\nAda Lovelace;A;1042\n", "roster.csv")
    assert read_all(path) == Roster((ADA,), ())


def test_of_several_ids_the_first_that_anybody_has_is_taken(tmp_path):
    header = ["name", "email", "username", "student id"]
    rows = [["Ada", "a@example.org", "ada", ""], ["Alan", "b@example.org", "alan", ""]]
    assert names_of(of_rows(tmp_path, rows, header)) == [("ada", "Ada"), ("alan", "Alan")]
    rows[1][3] = "7"
    message = refused(of_rows, tmp_path, rows, header)
    assert "line 2, column 'student id': expected a value, found an empty cell" in message


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        (["Participant 1", "Participant 02"], ["1", "02"]),
        (["participante 1", "participante 2"], ["1", "2"]),
        (["Student 1", "Student 2"], ["Student 1", "Student 2"]),
        (["P1", "P2"], ["P1", "P2"]),
        (["1", "Participant 2"], ["1", "Participant 2"]),
    ],
)
def test_only_moodles_word_for_who_takes_part_is_left_out_of_an_id(tmp_path, numbers, found):
    rows = [["Ada", number] for number in numbers]
    roster = of_rows(tmp_path, rows, ["Full name", "Identifier"])
    assert [student.id for student in roster] == found


@pytest.mark.parametrize("other", ["12", "Participant", "Participant 1a", "Partaker 2", "-"])
def test_if_one_identifier_is_moodles_all_have_to_be(tmp_path, other):
    rows = [["Ada", "Participant 1"], ["Alan", other]]
    message = refused(of_rows, tmp_path, rows, ["Full name", "Identifier"])
    assert (
        f"line 3, column 'Identifier': expected 'Participant' and a number, found '{other}'; give"
        in message
    )


def test_a_cell_that_says_that_it_is_text_is_that_text(tmp_path):
    (found,) = of_rows(tmp_path, [['="=Ada ""A."""', '="007"']])
    assert (found.id, found.name) == ("007", '=Ada "A."')


@pytest.mark.parametrize("number", ["#7", "7#", "##7"])
def test_a_number_sign_is_left_out_of_an_id_only_where_brightspace_puts_it(tmp_path, number):
    assert of_rows(tmp_path, [["Ada", number]])[0].id == number
    if number != "#7":
        assert of_rows(tmp_path, [["Ada", number]], ["name", "OrgDefinedId"])[0].id == number


def test_who_is_left_out_of_canvas_and_blackboard_is_a_student_anywhere_else(tmp_path):
    rows = [["Student, Test", "1"], ["Points Possible", "2"], ["Alan", "kay_previewuser"]]
    assert len(of_rows(tmp_path, rows)) == 3


def test_a_title_above_the_header_is_left_out_whatever_the_separator(tmp_path):
    path = written(tmp_path, "Neural, networks, 2026\n\nName;Id\nAda Lovelace;1042\n", "a.csv")
    remark = f"{path}: left out: what stands above the header in line 3."
    assert read_all(path) == Roster((ADA,), (remark,))


@pytest.mark.parametrize("mark", ["sep=;", "SEP=;", "sep=;\r"])
def test_what_excel_is_told_of_the_separator_is_no_title(tmp_path, mark):
    path = written(tmp_path, f"{mark}\nName;Id\nAda Lovelace;1042\n", "a.csv")
    assert read_all(path) == Roster((ADA,), ())


def test_a_web_page_or_an_old_workbook_named_xls_is_refused(tmp_path):
    path = written(tmp_path, b"\xd0\xcf\x11\xe0" + bytes(512), "a.xls")
    assert "is a workbook of an old version of Excel, or protected" in refused(read, path)
    path = written(tmp_path, "<html><table><tr><td>name</td></tr></table></html>", "b.xls")
    assert "is a web page by its content; save it as .xlsx" in refused(read, path)
    path = written(tmp_path, b"PK\x03\x04", "c.xls")
    assert "is an Excel workbook by its content; rename it to .xlsx" in refused(read, path)


def test_half_a_character_of_utf_16_is_refused(tmp_path):
    path = written(tmp_path, b"\xff\xfen\0a", "a.xls")
    assert "begins as UTF-16, and is not; save it as" in refused(read, path)


# --- Hostile names, and names for files ---------------------------------------------------

FILES = [
    ("Ada Lovelace", "1042", "ada-lovelace-1042"),
    ("../../x", "7", "x-7"),
    (r"C:\Windows\x", "../7", "c-windows-x-7"),
    ("=cmd()", "7", "cmd-7"),
    ("<script>", "7", "script-7"),
    ("José Ñandú-Ångström", "É7", "jose-nandu-angstrom-e7"),
    ("Groß, Łucja Ø.", "7", "gross-lucja-o-7"),
    ("ＡＤＡ ⅷ ℌ ㎏", "７", "ada-viii-h-kg-7"),
    ("O'Brien–Smith", "7", "o-brien-smith-7"),
    ("李小龙", "7", "student-7"),
    ("李小龙", "李", "student-1"),
    ("Ada", "--", "ada-1"),
    ("con", "7", "con-7"),
    ("nul", "nul", "nul-nul"),
    ("...", "...", "student-1"),
    ("x" * 200, "7", f"{'x' * 70}-7"),
    ("x" * 200, "7" * 200, f"{'x' * 31}-{'7' * 40}"),
    (f"{'x' * 69} y", "7", f"{'x' * 69}-7"),
    ("Ada\u202eecalevoL", "7", "ada-ecalevol-7"),
    ("ﷺ" * 200, "7", "student-7"),
]


@pytest.mark.parametrize(("name", "number", "file"), FILES)
def test_a_file_is_named_by_the_letters_and_digits_of_name_and_id(tmp_path, name, number, file):
    (found,) = of_rows(tmp_path, [[name, number]])
    assert found.file == file


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../x", "../../x"),
        ("=cmd()", "=cmd()"),
        ("<script>", "<script>"),
        ("a\x1b[2J\x07", "a␛[2J␇"),
        ("a\u202eb\u2066", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
        ("a\nb\u2028c\u00a0d", "a b c d"),
        ("李小龙", "李小龙"),
    ],
)
def test_a_name_and_an_id_come_out_as_text_that_is_safe_to_show(tmp_path, name, shown):
    (found,) = of_rows(tmp_path, [[name, f"{name}7"]])
    assert (found.name, found.id) == (shown, f"{shown}7")


def test_files_that_would_be_the_same_are_numbered_in_the_order_of_the_roster(tmp_path):
    rows = [["A b", "1"], ["A B", "1!"], ["A", "b-1-2"], ["a-b", "1?"], ["李", "!"], ["李", "5"]]
    assert [student.file for student in of_rows(tmp_path, rows)] == [
        "a-b-1",
        "a-b-1-2",
        "a-b-1-2-2",
        "a-b-1-3",
        "student-5",
        "student-5-2",
    ]


def test_files_that_are_the_same_where_they_are_cut_are_numbered_too(tmp_path):
    rows = [["x" * 200, f"{'7' * 100}{i}"] for i in range(120)]
    files = [student.file for student in of_rows(tmp_path, rows)]
    assert len(set(files)) == 120
    assert max(map(len, files)) <= 80


texts = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100)
    | st.text("aAbß1-2.!é ", max_size=5)
).filter(lambda text: text.strip() and not KEPT_AS_TEXT.fullmatch(text.strip()))
people = st.lists(
    st.tuples(texts, texts),
    min_size=1,
    max_size=12,
    unique_by=lambda person: label("".join(person[1].split())).casefold(),
)


@settings(max_examples=300)
@given(people, st.permutations(["name", "id", "note"]))
def test_any_names_and_ids_get_distinct_safe_files_in_any_order_of_the_columns(
    tmp_path_factory, people, order
):
    folder = tmp_path_factory.mktemp("roster")
    rows = [{"name": name, "id": number, "note": "x"} for name, number in people]
    found = of_rows(folder, [[row[column] for column in order] for row in rows], order)
    assert found == of_rows(folder, people)
    for student, (name, number) in zip(found, people, strict=True):
        assert student.name == label(" ".join(name.split()))
        assert student.id == label(" ".join(number.split()))
        assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)+", student.file)
        assert len(student.file) <= 80
    assert len({student.file for student in found}) == len(people)
    assert [student.position for student in found] == list(range(1, len(people) + 1))


@settings(max_examples=300)
@given(
    st.sampled_from(["name,id", "name,id\n"]),
    st.text(st.sampled_from('ab17.,;\t"\n\r =\ufeff\0éx')) | st.text(),
)
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory, header, content):
    folder = tmp_path_factory.mktemp("roster")
    found = outcome(folder, f"{header}{content}".encode("utf-8", "ignore"))
    assert len(found.splitlines()) == 1 if isinstance(found, str) else found


def outcome(folder, content):
    try:
        return of_text(folder, content)
    except CellpropError as error:
        return str(error)


def students(name, count):
    rows = [[name.format(i), f"{i}!", *["some more text"] * 10] for i in range(count)]
    return "\n".join(map(",".join, [["name", "id", *(f"c{i}" for i in range(10))], *rows]))


def alike(count):
    """Students whose ids differ, with nothing left of them but what all have."""
    return "name,id\n" + "\n".join(f"{'x' * 200},1{chr(0x4E00 + i)}" for i in range(count))


CLASSES = {
    "names that differ": partial(students, "Student {}"),
    "one name": partial(students, "Ada"),
    "a name without Latin letters": partial(students, "李"),
    "files that would be the same": alike,
}


@pytest.mark.parametrize("what", CLASSES)
def test_twice_as_many_students_take_twice_the_work(tmp_path, what):
    paths = {n: written(tmp_path, CLASSES[what](n), f"{n}.csv") for n in (50, 100)}
    assert grows_evenly(lambda count: read(paths[count]), 50)


@pytest.mark.slow
@pytest.mark.parametrize("what", CLASSES)
def test_ten_thousand_students_get_ten_thousand_files(tmp_path, what):
    found = read(written(tmp_path, CLASSES[what](10_000)))
    assert len({student.file for student in found}) == 10_000


# --- What is refused ----------------------------------------------------------------------

BAD_TEXT = {
    "an empty file": ("", "roster.csv: is empty; it needs a header, and a line for each student."),
    "no rows": (
        "name,id\n",
        "roster.csv: expected at least one line below the header, found none; add a line for each",
    ),
    "only blank rows": ("name,id\n,\n , \n", "expected at least one line below the header"),
    "no name": (
        "\nnumber,id\nAda,1\n",
        "line 2: expected a column 'name' (or full name, student name, student, first name + last"
        " name, …, as learning platforms call it), found number, id; add it, or rename the one that"
        " holds it.",
    ),
    "half a name": ("first name,id\nAda,1\n", "found first name, id; add it"),
    "no id": (
        "name,,a\x1b\nAda,1,2\n",
        "line 1: expected a column 'id' (or student id, student number, matriculation number, id"
        " number, username, email, …, as learning platforms call it), found name, a␛; add it, or",
    ),
    "one column": ("name\nAda\n", "found name; add it, separated by comma, semicolon or tab."),
    "another separator": ("name!id\nAda!1\n", "found name!id; add it, separated by comma, semic"),
    "no names of columns": (",\nAda,1\n", "found Ada, 1; add it, or"),
    "no header": ("Ada,1\nAlan,2\n", "found Ada, 1; add it, or rename"),
    "two columns for the name": (
        "name,id,Name\nAda,1,x\n",
        "line 1: expected one column 'name', found columns 1 ('name') and 3 ('Name'); rename one",
    ),
    "two columns for the id": (
        "name,student id,Student-ID\nAda,1,2\n",
        "found columns 2 ('student id') and 3 ('Student-ID'); rename one of them.",
    ),
    "an empty name": (
        "name,id\nAda,1\n \u00a0,2\n",
        "line 3, column 'name': expected a value, found an empty cell; fill it in.",
    ),
    "two empty names": (
        "id,Last Name,First Name\n1,,\n",
        "line 2, column 'First Name': expected a value, found an empty cell; fill it in.",
    ),
    "an empty id": (
        "Name,ID\nAda,1\n\nAlan,\n",
        "line 4, column 'ID': expected a value, found an empty cell; fill it in.",
    ),
    "an id twice": (
        "name,id\nAda,1\nAlan,2\nGrace,1\n",
        "line 4, column 'id': expected ids that differ, found '1' as well as '1' in line 2;"
        " correct it, or remove the line.",
    ),
    "an id in another letter case": (
        "id,name\nStraße 1,Ada\nSTRASSE1,Alan\n",
        "line 3, column 'id': expected ids that differ, found 'STRASSE1' as well as 'Straße 1' in",
    ),
    "a long name": (
        f"name,id\n{'x' * 201},1\n",
        f"line 2, column 'name': expected at most 200 characters, found 201 ('{'x' * 40}…'); shor",
    ),
    "a long id": (f"name,id\nAda,{'1' * 1000}\n", "line 2, column 'id': expected at most 200 char"),
    "a comma in a name": (
        "name,id\nLovelace, Ada,1\n",
        "line 2: expected 2 columns, found 3; put text that holds a separator in quotation marks",
    ),
    "a short row": ("name,id\nAda\n", "line 2: expected 2 columns, found 1; add what is missing"),
    "an empty row": ("name,id\nAda,1\n,\nAlan,2\n", "line 3: expected 2 cells, found only empty"),
    "an open quotation mark": ('name,id\n"Ada,1\n', "line 2: its quotation marks do not pair up"),
    "a NUL byte": ("name,id\nA\0a,1\n", "line 2: expected text in UTF-8, found a NUL byte"),
    "no encoding that is known": (
        "name,id\nJosé,1\x81\n".encode("latin-1"),
        "line 2: expected text in UTF-8, found the byte 0xe9",
    ),
    "a workbook": (b"PK\x03\x04...", "roster.csv: is an Excel workbook by its content; rename"),
}


@pytest.mark.parametrize("what", BAD_TEXT)
def test_what_is_wrong_in_a_csv_is_told_with_its_line_and_column(tmp_path, what):
    content, part = BAD_TEXT[what]
    path = written(tmp_path, content, "roster.csv")
    message = refused(read, path)
    assert message.startswith(str(path))
    assert part in message


BAD_SHEETS = {
    "an empty sheet": ([], "its first sheet is empty; put the table there."),
    "no rows": ([["name", "id"]], "expected at least one row below the header, found none; add a"),
    "no id": ([["name", 7], ["Ada", 1]], "row 1: expected a column 'id' (or student id"),
    "one column": ([["name"], ["Ada"]], "found name; add it, or rename the one that holds it."),
    "an empty id": (
        [["name", "id"], ["Ada", None]],
        "row 2, column 'id': expected a value, found an empty cell; fill it in; if it holds a form",
    ),
    "an id twice": (
        [["name", "id"], ["Ada", 7.0], ["Alan", "7"]],
        "row 3, column 'id': expected ids that differ, found '7' as well as '7' in row 2; correct",
    ),
    "a giant number": ([["name", "id"], ["Ada", 1e300]], "expected at most 200 characters, found"),
}


@pytest.mark.parametrize("what", BAD_SHEETS)
def test_what_is_wrong_in_a_sheet_is_told_with_its_row_and_column(tmp_path, what):
    rows, part = BAD_SHEETS[what]
    path = sheet_of(tmp_path, rows)
    message = refused(read, path)
    assert message.startswith(str(path))
    assert part in message


@pytest.mark.parametrize("what", NO_FILE)
def test_a_file_that_can_not_be_read_is_told_in_a_line(tmp_path, what):
    make, part = NO_FILE[what]
    assert part in refused(read, make(tmp_path))
