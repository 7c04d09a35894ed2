"""Training configurations as people have them: ours, TRL's, Axolotl's, LLaMA-Factory's."""
