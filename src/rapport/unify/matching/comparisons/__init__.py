"""What records say of one matter, one file each: how it is read, and how alike two readings are."""
