"""What types of resources are here, and what their ``Ref`` and ``Fn::GetAtt`` give: one module of data per service."""
