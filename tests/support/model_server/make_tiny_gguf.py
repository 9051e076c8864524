#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a language model of at most 1.6 MB, which knows beforehand what it says, or knows nothing.

    make_tiny_gguf.py OUT.gguf [--text 'Hello from the tiny model .']
    make_tiny_gguf.py OUT.gguf --tool get_weather --arguments '{"city": "Oslo"}' --after-tool 'It is sunny in Oslo .'
    make_tiny_gguf.py OUT.gguf --random

The first answers one sentence, whatever it is asked. The second calls the tool if tools are offered, and answers its
other sentence when the result is there. The third says gibberish: what a server makes it say, such as JSON by a
schema, is the server's doing.

They are real models for a real engine (GGUF version 3, architecture `llama`), built by hand instead of trained. In the
first two, the embedding of token i is the i-th unit vector, attention and feed-forward layers are zero, and row i of
the output matrix marks which tokens i follows: greedy decoding walks along a sentence and ends. Bytes are the same on
every machine. Tokens of all sentences must differ, because a token knows only its predecessor.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""
import argparse
import array
import json
import random
import struct
import sys

UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
INT32 = 5
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6      # token types of llama.cpp's SPM vocabulary
ALIGNMENT = 32
SPACE = '\u2581'                                 # how SPM vocabularies write a blank
TURN_START, TURN_END = '<|im_start|>', '<|im_end|>'
RESULT = '<|result|>'                            # the turn that begins behind it follows a tool's result

TEMPLATE = (
    "{% for message in messages %}{{ '" + TURN_START + "' + message.role + '\\n' + message.content + '" + TURN_END
    + "\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '" + TURN_START + "assistant\\n' }}{% endif %}")

# Tools are written as the Hermes models do, from which the server learns how to read the calls.
TOOL_TEMPLATE = """\
{%- if tools -%}
{{ 'START' + 'system\\nCall tools as <tool_call>\\n{"name": NAME, "arguments": OBJECT}\\n</tool_call>\\n<tools>\\n' }}
{%- for tool in tools %}{{ (tool | tojson) + '\\n' }}{% endfor -%}
{{ '</tools>END\\n' }}
{%- endif -%}
{%- for message in messages -%}
{{ 'START' + message.role + '\\n' }}
{%- if message.role == 'tool' %}{{ '<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%- elif message.content %}{{ message.content }}{% endif -%}
{%- for call in message.tool_calls or [] -%}
{{ '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) }}
{{- '}\\n</tool_call>' }}
{%- endfor -%}
{{ 'END\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ 'STARTassistant\\n' }}
{%- if messages[-1].role == 'tool' %}{{ 'RESULT' }}{% endif -%}
{%- endif -%}""".replace('START', TURN_START).replace('RESULT', RESULT).replace('END', TURN_END)


def packed(text):
    data = text.encode()
    return struct.pack('<Q', len(data)) + data


def scalar(kind, value):
    return packed(value) if kind == STRING else struct.pack({UINT32: '<I', INT32: '<i', FLOAT32: '<f', BOOL: '<?'}[kind], value)


def field(key, kind, value):
    return packed(key) + struct.pack('<I', kind) + scalar(kind, value)


def list_field(key, kind, values):
    return (packed(key) + struct.pack('<IIQ', ARRAY, kind, len(values)) + b''.join(scalar(kind, v) for v in values))


class Shape:
    """Sizes of the layers; the names are those of the format."""

    def __init__(self, embedding, blocks=1, heads=4, heads_kv=1, hidden=32):
        self.embedding, self.blocks, self.heads, self.heads_kv, self.hidden = embedding, blocks, heads, heads_kv, hidden
        self.head = embedding // heads


def vocabulary(pieces):
    """Tokens and their types: specials, all bytes (so that any prompt can be read), the turn marks, the pieces."""
    tokens = [('<unk>', UNKNOWN), ('<s>', CONTROL), ('</s>', CONTROL)]
    tokens += [('<0x%02X>' % byte, BYTE) for byte in range(256)]
    tokens += [(TURN_START, CONTROL), (TURN_END, CONTROL), (RESULT, CONTROL), (SPACE, NORMAL)]
    tokens += [(piece, NORMAL) for piece in pieces]
    return tokens


def metadata(tokens, shape, template):
    names = [name for name, _ in tokens]
    return [
        field('general.architecture', STRING, 'llama'),
        field('general.name', STRING, 'tiny'),
        field('general.alignment', UINT32, ALIGNMENT),
        field('general.file_type', UINT32, 0),
        field('llama.context_length', UINT32, 4096),
        field('llama.embedding_length', UINT32, shape.embedding),
        field('llama.block_count', UINT32, shape.blocks),
        field('llama.feed_forward_length', UINT32, shape.hidden),
        field('llama.attention.head_count', UINT32, shape.heads),
        field('llama.attention.head_count_kv', UINT32, shape.heads_kv),
        field('llama.attention.layer_norm_rms_epsilon', FLOAT32, 1e-5),
        field('llama.rope.dimension_count', UINT32, shape.head),
        field('llama.vocab_size', UINT32, len(tokens)),
        field('tokenizer.ggml.model', STRING, 'llama'),
        field('tokenizer.ggml.pre', STRING, 'default'),
        list_field('tokenizer.ggml.tokens', STRING, names),
        list_field('tokenizer.ggml.scores', FLOAT32, [-i / 10 if kind == NORMAL else 0.0 for i, (_, kind) in enumerate(tokens)]),
        list_field('tokenizer.ggml.token_type', INT32, [kind for _, kind in tokens]),
        field('tokenizer.ggml.bos_token_id', UINT32, 1),
        field('tokenizer.ggml.eos_token_id', UINT32, names.index(TURN_END)),
        field('tokenizer.ggml.unknown_token_id', UINT32, 0),
        field('tokenizer.ggml.add_bos_token', BOOL, True),
        field('tokenizer.ggml.add_eos_token', BOOL, False),
        field('tokenizer.ggml.add_space_prefix', BOOL, False),
        field('tokenizer.chat_template', STRING, template),
    ]


def tensors(tokens, shape, embedding, output, weights):
    """Name, shape (fastest dimension first) and values of each weight; `weights(ROWS, COLUMNS)` makes a layer's."""
    width, narrow = shape.embedding, shape.head * shape.heads_kv
    ones = array.array('f', [1.0] * width)
    made = [('token_embd.weight', [width, len(tokens)], embedding), ('output_norm.weight', [width], ones),
            ('output.weight', [width, len(tokens)], output)]
    for block in range(shape.blocks):
        made += [('blk.%d.%s_norm.weight' % (block, part), [width], ones) for part in ('attn', 'ffn')]
        for part, rows, columns in (('attn_q', width, width), ('attn_k', width, narrow), ('attn_v', width, narrow),
                                    ('attn_output', width, width), ('ffn_gate', width, shape.hidden),
                                    ('ffn_up', width, shape.hidden), ('ffn_down', shape.hidden, width)):
            made.append(('blk.%d.%s.weight' % (block, part), [rows, columns], weights(rows, columns)))
    return made


def chain_model(chains, tokens):
    """Walks along a chain; each begins behind its own token, and the first behind every other."""
    names = [name for name, _ in tokens]
    shape = Shape(-(-len(tokens) // 32) * 32)
    follower = {}
    for begin, pieces in chains:
        walk = ([begin] if begin else []) + pieces + [TURN_END]
        follower.update((names.index(a), names.index(b)) for a, b in zip(walk, walk[1:]))
    start, width = names.index(chains[0][1][0]), shape.embedding
    embedding = array.array('f', bytes(4 * width * len(tokens)))
    output = array.array('f', bytes(4 * width * len(tokens)))
    for token in range(len(tokens)):
        embedding[token * width + token] = 1.0
        output[follower.get(token, start) * width + token] = 1.0
    return shape, tensors(tokens, shape, embedding, output, lambda rows, columns: array.array('f', bytes(4 * rows * columns)))


def random_model(tokens, seed=11):
    """Its first coordinate is a bias: pieces are likely, the end of a turn less, bytes and marks hardly."""
    shape = Shape(64, blocks=2, heads_kv=2, hidden=128)
    source = random.Random(seed)

    def weights(rows, columns):
        return array.array('f', [source.gauss(0, rows ** -0.5) for _ in range(rows * columns)])

    embedding, output = (weights(shape.embedding, len(tokens)) for _ in range(2))
    for token, (name, kind) in enumerate(tokens):
        embedding[token * shape.embedding] = 1.0
        output[token * shape.embedding] = 0.5 if kind == NORMAL else 0.1 if name == TURN_END else -4.0
    return shape, tensors(tokens, shape, embedding, output, weights)


def words_of(sentence):
    first, *rest = sentence.split()
    return [first] + [SPACE + word for word in rest]


def call_of(tool, arguments):
    """What the model says to call the tool, in pieces as they might come from a real one."""
    text = json.dumps({'name': tool, 'arguments': json.loads(arguments)}).replace(' ', SPACE)
    half = text.index(':', text.index('arguments')) + 1
    return ['<tool_call>\n', text[:half], text[half:], '\n</tool_call>']


def padded(data):
    return data + b'\0' * (-len(data) % ALIGNMENT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out')
    parser.add_argument('--text', default='Hello from the tiny model .')
    parser.add_argument('--tool', help='call this tool instead of --text')
    parser.add_argument('--arguments', default='{}', help='of the call: a JSON object')
    parser.add_argument('--after-tool', default='Done .', help='what is said when the result is there')
    parser.add_argument('--random', action='store_true')
    options = parser.parse_args()
    if options.random:
        pieces = [chr(code) for code in range(33, 127)]
    elif options.tool:
        chains = [(None, call_of(options.tool, options.arguments)), (RESULT, words_of(options.after_tool))]
        pieces = chains[0][1] + chains[1][1]
    else:
        chains = [(None, words_of(options.text))]
        pieces = chains[0][1]
    if len(set(pieces)) != len(pieces):
        sys.exit('make_tiny_gguf.py: every word may occur once only')
    tokens = vocabulary(pieces)
    shape, weights = random_model(tokens) if options.random else chain_model(chains, tokens)
    fields = metadata(tokens, shape, TOOL_TEMPLATE if options.tool else TEMPLATE)
    header = b'GGUF' + struct.pack('<IQQ', 3, len(weights), len(fields)) + b''.join(fields)
    offset, data = 0, b''
    for name, shape, values in weights:
        if sys.byteorder == 'big':
            values.byteswap()
        header += packed(name) + struct.pack('<I', len(shape)) + struct.pack('<%dQ' % len(shape), *shape)
        header += struct.pack('<IQ', 0, offset)   # type 0: 32-bit floats
        blob = padded(values.tobytes())
        data += blob
        offset += len(blob)
    with open(options.out, 'wb') as file:
        file.write(padded(header) + data)


if __name__ == '__main__':
    main()
