"""advisor: the honest engineer to ask before fine-tuning a language model.

Importing this package costs nothing; the public surface is `advisor.pipeline`, `advisor.schema`,
`advisor.contracts` and `advisor.errors`.
"""

__version__ = "0.1.0"
