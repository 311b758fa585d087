"""Where documents come from again and again: pages, sitemaps and buckets that are watched."""
