"""AWS Step Functions: state machines in Amazon States Language with JSONPath, run in the emulator itself.

Ours, since moto's interpreter needs a parser of its own, two hundred megabytes and three seconds.
"""
