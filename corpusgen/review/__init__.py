"""The clinicians' review: the annotation server and its people, samples and portions, push and pull, agreement."""
