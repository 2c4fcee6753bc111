"""Compare pages, searches, feeds, exports and storing with a bare floor and plain Django views, at a million videos."""
