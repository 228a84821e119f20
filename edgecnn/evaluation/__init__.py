"""Measure a model file on labelled pictures: accuracy, agreement with another file, confused pairs."""
