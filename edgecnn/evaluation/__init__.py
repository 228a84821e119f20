"""Measure a model file on labeled pictures: accuracy, agreement with another file, confused pairs."""
