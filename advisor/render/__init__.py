"""Values to text: terminal, Markdown, HTML."""
