"""Message classes of the schemas, made by protoc."""
