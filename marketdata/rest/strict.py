"""A request body that names something unknown is refused by that name: a typing error must not pass for success, nor a
read-only field for one that was set.
"""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [str(name) for name in data if name not in writable]
            if unknown:
                legal = ", ".join(sorted(writable)) or "none"
                raise serializers.ValidationError(
                    {name[:100]: [f"This cannot be set; fields are: {legal}."] for name in unknown[:20]},
                    code="unknown_field",
                )
        return super().to_internal_value(data)
