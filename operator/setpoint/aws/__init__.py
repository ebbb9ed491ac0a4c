"""AWS behind one gateway: sessions, grants, error classes. The only room that imports boto3."""
