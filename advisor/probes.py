"""What a run asks beside its task, of the base model before and of the tuned one after."""
