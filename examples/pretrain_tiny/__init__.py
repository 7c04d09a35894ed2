"""Recipe of the embedded tiny model: data, tokenizer, network, training."""
