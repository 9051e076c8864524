#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A backend as a program: one JSON object on stdin, JSON lines on stdout. It answers with the prompt's words, turned."""
import json
import sys

request = json.load(sys.stdin)
if request['version'] != 1:
    sys.exit(f"this program speaks version 1, not {request['version']}")

words = request['prompt'].split()
if not words:
    print(json.dumps({'error': {'class': 'invalid_request', 'message': 'there is no prompt to answer'}}))
    sys.exit(0)

text = ' '.join(reversed(words))
for word in text.split(' '):
    print(json.dumps({'delta': word + ' '}), flush=True)      # seen at once by whoever follows the run
print(json.dumps({'text': text, 'model': request['model'] or 'echo-1', 'finish_reason': 'stop',
                  'usage': {'input_tokens': len(words), 'output_tokens': len(words)}}))
