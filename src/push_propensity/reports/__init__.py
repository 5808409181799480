"""What the report says and shows: measurements on the test part, figures, findings, the page."""
