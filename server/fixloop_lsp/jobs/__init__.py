"""The slow work: evaluations and repairs, off the event loop and off the thread pool that reads the client."""
