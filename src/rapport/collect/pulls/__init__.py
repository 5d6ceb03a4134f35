"""Sources that Rapport fetches from by itself: databases, file stores, web services, mailboxes."""
