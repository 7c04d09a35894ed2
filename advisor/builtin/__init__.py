"""Plugins that ship with the package, registered through the same door as any other."""
