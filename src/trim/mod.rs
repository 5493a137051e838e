//! Writing case files: faithful copies of the selected records, annotated.
