"""The wire of hispos, written a second time from the specification: frames, canonical form, key exchange, records."""
