"""What is said and how numbers are shown: words, captions, number formats, templates."""
