"""The app around `edgecnn_runtime.live`: overlay, views, window, web page, recorder and keys."""
