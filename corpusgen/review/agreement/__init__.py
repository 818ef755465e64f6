"""How far people agree: per question and never pooled, per reviewer, with a language model, and as a picture."""
