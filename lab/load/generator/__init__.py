"""The load generator: a Locust process that sends each request when it is due."""
