"""Act: decide whom to write to, deliver it once, and take care of those who complained."""
