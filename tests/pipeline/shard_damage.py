"""Ways to spoil a shard folder for the audit: its manifest, its index, the members of one of its tars."""

import hashlib
import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def change_manifest(folder, change):
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def change_index(folder, change):
    rows = pq.read_table(folder / "index.parquet")
    pq.write_table(pa.Table.from_pylist(change(rows.to_pylist()), rows.schema), folder / "index.parquet")


def members_of(path):
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]


def rewrite(folder, shard, change, index_too=True):
    """Change the members of one tar [(name, bytes)], and make index and facts agree with the new arrays."""
    path = folder / shard
    members = change([(member.name, data) for member, data in members_of(path)])
    digest = {name.split(".")[0]: blake(data) for name, data in members if name.endswith(".npy")}
    spans = {}
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members:
            if name.endswith(".json") and index_too:
                data = signed({**json.loads(data), "checksum": digest[name.split(".")[0]]})
            member = tarfile.TarInfo(name)
            member.size = len(data)
            spans[name.split(".")[0]] = spans.get(name.split(".")[0]) or (file.tell() + 512, len(data))
            tar.addfile(member, io.BytesIO(data))
    if index_too:
        change_index(
            folder,
            lambda rows: [
                {**row, "offset": spans[row["key"]][0], "length": spans[row["key"]][1], "checksum": digest[row["key"]]}
                if row["shard"] == shard and row["key"] in digest
                else row
                for row in rows
            ],
        )
        checksums = pq.read_table(folder / "index.parquet")["checksum"].to_pylist()
        change_manifest(folder, lambda document: document.update(contents=blake("".join(checksums).encode())))


def signed(facts):
    """The bytes of facts with their own checksum."""
    facts = {name: value for name, value in facts.items() if name != "facts_checksum"}

    def dump(document):
        return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    return dump({**facts, "facts_checksum": blake(dump(facts))})


def blake(data):
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def with_array(change):
    """Apply `change` to the array of the first clip."""

    def changed(members):
        array = change(np.load(io.BytesIO(members[0][1])))
        buffer = io.BytesIO()
        np.save(buffer, array)
        return [(members[0][0], buffer.getvalue()), *members[1:]]

    return changed


def with_facts(**fields):
    def changed(members):
        return [members[0], (members[1][0], signed({**json.loads(members[1][1]), **fields})), *members[2:]]

    return changed
