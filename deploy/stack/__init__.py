"""Topology and settings as a CloudFormation template. Pure."""
