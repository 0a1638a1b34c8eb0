"""What a run looks like to a person: `explain` computes, `figures/` draws, `page` puts it on one HTML page."""
