"""The managers: one module for each kind, found by its name, NAME_manager.py."""
