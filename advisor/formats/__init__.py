"""Dataset and document files to samples and documents."""
