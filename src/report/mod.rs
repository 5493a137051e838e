//! The report: table, JSON, CSV, Markdown, HTML.
