"""Authors: who turns a cell into a prompt and a response."""
