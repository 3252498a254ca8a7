"""HTTP: the JSON interface, the pages, errors as answers, the context of a request."""
