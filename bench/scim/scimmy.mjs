// scimmy.mjs PORT CERTIFICATE KEY - the peer of bench/scim/run: scimmy-routers over express 4 and TLS.
//
// Everything is kept in memory, with maps for what is looked up by one value, as somebody would who
// wants scimmy to be quick: nothing is written to a disk.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.cwd() + "/");
const load = async (name) => {
	const found = (await import(pathToFileURL(require.resolve(name)))).default;
	return found.default ?? found;
};
const express = await load("express");
const SCIMMY = await load("scimmy");
const SCIMMYRouters = await load("scimmy-routers");
const [port, certificate, key] = process.argv.slice(2);
let next = 1;

// The value of a filter that compares one of the attributes with eq, in small letters; or undefined.
function wanted(filter, attribute) {
	if (filter?.length !== 1) return undefined;
	const name = Object.keys(filter[0]).find((k) => k.toLowerCase() === attribute);
	const [op, value] = name ? [filter[0][name]].flat() : [];
	return op === "eq" ? String(value).toLowerCase() : undefined;
}

class Memory {
	constructor(name) {
		this.name = name;
		this.byId = new Map();
		this.byName = new Map();
		this.byExternal = new Map();
	}

	write = (resource, instance) => {
		const before = resource.id ? this.byId.get(resource.id) : undefined;
		if (resource.id && !before) throw new Error("not found");
		const folded = instance[this.name].toLowerCase();
		const holder = this.byName.get(folded);
		if (holder && holder !== before)
			throw new SCIMMY.Types.Error(409, "uniqueness", `${this.name} is taken`);
		const now = new Date().toISOString();
		const item = { ...JSON.parse(JSON.stringify(instance)), id: before?.id ?? String(next++) };
		item.meta = { created: before?.meta.created ?? now, lastModified: now };
		if (before) {
			this.byName.delete(before[this.name].toLowerCase());
			this.byExternal.delete(before.externalId);
		}
		this.byId.set(item.id, item);
		this.byName.set(folded, item);
		if (item.externalId) this.byExternal.set(item.externalId.toLowerCase(), item);
		return item;
	};

	read = (resource) => {
		if (resource.id) {
			const item = this.byId.get(resource.id);
			if (!item) throw new Error("not found");
			return item;
		}
		for (const [attribute, map] of [[this.name.toLowerCase(), this.byName],
			["externalid", this.byExternal]]) {
			const value = wanted(resource.filter, attribute);
			if (value !== undefined) return map.has(value) ? [map.get(value)] : [];
		}
		return [...this.byId.values()];
	};

	remove = (resource) => {
		const item = this.byId.get(resource.id);
		if (!item) throw new Error("not found");
		this.byId.delete(item.id);
		this.byName.delete(item[this.name].toLowerCase());
		this.byExternal.delete(item.externalId);
	};
}

SCIMMY.Config.set({ bulk: { maxOperations: 1000, maxPayloadSize: 64 << 20 } });
for (const [type, name] of [[SCIMMY.Resources.User, "userName"], [SCIMMY.Resources.Group, "displayName"]]) {
	const memory = new Memory(name);
	SCIMMY.Resources.declare(type).ingress(memory.write).egress(memory.read).degress(memory.remove);
}

const app = express();
app.use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler: () => "bench" }));
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, app)
	.listen(Number(port), "127.0.0.1");
