"""Compare pages, filters, full text and storing with a bare floor and a plain DRF view, at a million videos."""
