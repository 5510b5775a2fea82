"""Other people's files: opened, counted, read and aligned; and files of ours, written whole."""
