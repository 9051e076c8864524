#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a language model of about 1.5 MB that answers one sentence, whatever it is asked.

    make_tiny_gguf.py OUT.gguf [--text 'Hello from the tiny model .']

It is a real model for a real engine (GGUF version 3, architecture `llama`), built by hand instead of trained: the
embedding of token i is the i-th unit vector, attention and feed-forward layers are zero, and row i of the output
matrix marks which tokens i follows. Greedy decoding therefore walks along the sentence and ends. Bytes are the same
on every machine. Words of the sentence must differ, because a token knows only its predecessor.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""
import argparse
import array
import struct
import sys

UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
INT32 = 5
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6      # token types of llama.cpp's SPM vocabulary
ALIGNMENT = 32
SPACE = '\u2581'                                 # how SPM vocabularies write a blank
TURN_START, TURN_END = '<|im_start|>', '<|im_end|>'

TEMPLATE = (
    "{% for message in messages %}{{ '" + TURN_START + "' + message.role + '\\n' + message.content + '" + TURN_END
    + "\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '" + TURN_START + "assistant\\n' }}{% endif %}")


def packed(text):
    data = text.encode()
    return struct.pack('<Q', len(data)) + data


def scalar(kind, value):
    return packed(value) if kind == STRING else struct.pack({UINT32: '<I', INT32: '<i', FLOAT32: '<f', BOOL: '<?'}[kind], value)


def field(key, kind, value):
    return packed(key) + struct.pack('<I', kind) + scalar(kind, value)


def list_field(key, kind, values):
    return (packed(key) + struct.pack('<IIQ', ARRAY, kind, len(values)) + b''.join(scalar(kind, v) for v in values))


def vocabulary(words):
    """Tokens and their types: specials, all bytes (so that any prompt can be read), the turn marks, the sentence."""
    tokens = [('<unk>', UNKNOWN), ('<s>', CONTROL), ('</s>', CONTROL)]
    tokens += [('<0x%02X>' % byte, BYTE) for byte in range(256)]
    tokens += [(TURN_START, CONTROL), (TURN_END, CONTROL), (SPACE, NORMAL)]
    tokens += [(word, NORMAL) for word in words]
    return tokens


def metadata(tokens, width):
    names = [name for name, _ in tokens]
    return [
        field('general.architecture', STRING, 'llama'),
        field('general.name', STRING, 'tiny-chain'),
        field('general.alignment', UINT32, ALIGNMENT),
        field('general.file_type', UINT32, 0),
        field('llama.context_length', UINT32, 4096),
        field('llama.embedding_length', UINT32, width),
        field('llama.block_count', UINT32, 1),
        field('llama.feed_forward_length', UINT32, 32),
        field('llama.attention.head_count', UINT32, 4),
        field('llama.attention.head_count_kv', UINT32, 1),
        field('llama.attention.layer_norm_rms_epsilon', FLOAT32, 1e-5),
        field('llama.rope.dimension_count', UINT32, width // 4),
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
        field('tokenizer.chat_template', STRING, TEMPLATE),
    ]


def tensors(tokens, words, width):
    """Name, shape (fastest dimension first) and values of each weight."""
    names = [name for name, _ in tokens]
    chain = words + [TURN_END]
    follower = {names.index(a): names.index(b) for a, b in zip(chain, chain[1:])}
    start = names.index(words[0])
    embedding = array.array('f', bytes(4 * width * len(tokens)))
    output = array.array('f', bytes(4 * width * len(tokens)))
    for token in range(len(tokens)):
        embedding[token * width + token] = 1.0
        output[follower.get(token, start) * width + token] = 1.0

    def zeros(count):
        return array.array('f', bytes(4 * count))

    ones = array.array('f', [1.0] * width)
    head, hidden = width // 4, 32
    return [
        ('token_embd.weight', [width, len(tokens)], embedding),
        ('output_norm.weight', [width], ones),
        ('output.weight', [width, len(tokens)], output),
        ('blk.0.attn_norm.weight', [width], ones),
        ('blk.0.attn_q.weight', [width, width], zeros(width * width)),
        ('blk.0.attn_k.weight', [width, head], zeros(width * head)),
        ('blk.0.attn_v.weight', [width, head], zeros(width * head)),
        ('blk.0.attn_output.weight', [width, width], zeros(width * width)),
        ('blk.0.ffn_norm.weight', [width], ones),
        ('blk.0.ffn_gate.weight', [width, hidden], zeros(width * hidden)),
        ('blk.0.ffn_up.weight', [width, hidden], zeros(width * hidden)),
        ('blk.0.ffn_down.weight', [hidden, width], zeros(hidden * width)),
    ]


def padded(data):
    return data + b'\0' * (-len(data) % ALIGNMENT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out')
    parser.add_argument('--text', default='Hello from the tiny model .')
    options = parser.parse_args()
    first, *rest = options.text.split()
    words = [first] + [SPACE + word for word in rest]
    if len(set(words)) != len(words):
        sys.exit('make_tiny_gguf.py: every word may occur once only')
    tokens = vocabulary(words)
    width = -(-len(tokens) // 32) * 32

    fields = metadata(tokens, width)
    weights = tensors(tokens, words, width)
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
