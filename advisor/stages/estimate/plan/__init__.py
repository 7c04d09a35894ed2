"""A complete plan from request, recipe, stack, objective, device and data; what it cannot be."""
