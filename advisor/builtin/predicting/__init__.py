"""Predictors that need no library: what a model has to beat before anything is learnt."""
