"""What was tuned, written in other forms: light faces, whose heavy work lies in back rooms."""
