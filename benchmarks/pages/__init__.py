"""Measure every page with a million videos and ten thousand keywords: time, queries and size."""
