"""Several tuned models made into one: adapters by PEFT, whole models by mergekit."""
