/* Filters from a generator, against an evaluator that is too simple to be wrong. The input's bytes choose
 * a resource and a tree of comparisons, and again until they are used up. The tree is printed as a filter, with no more parentheses than
 * precedence needs and with letters and blanks varied; what our parser and evaluator say of it must be
 * what the tree says by itself. */
#include <stdbool.h>
#include <ctype.h>

#include "scimd/model/filter.h"
#include "scimd/model/json.h"
#include "tests/fuzz/fuzz.h"

#define NODES_MAX 32

/* --- what can be asked ------------------------------------------------------------------------- */

enum kind { FOLDED, EXACT, TRUTH, NUMBER, INSTANT };

static const struct attribute {
	const char *path; /* as a filter names it */
	const char *urn;  /* where it lies: NULL: the resource */
	const char *name, *sub;
	enum kind kind;
	bool multi;
} attributes[] = {
	{ "userName", NULL, "userName", NULL, FOLDED, false },
	{ "externalId", NULL, "externalId", NULL, EXACT, false },
	{ "displayName", NULL, "displayName", NULL, FOLDED, false },
	{ URN_USER ":title", NULL, "title", NULL, FOLDED, false },
	{ "name.givenName", NULL, "name", "givenName", FOLDED, false },
	{ "active", NULL, "active", NULL, TRUTH, false },
	{ "meta.created", NULL, "meta", "created", INSTANT, false },
	{ "emails.value", NULL, "emails", "value", FOLDED, true },
	{ "emails", NULL, "emails", "value", FOLDED, true },
	{ "emails.type", NULL, "emails", "type", FOLDED, true },
	{ "emails.primary", NULL, "emails", "primary", TRUTH, true },
	{ URN_ENTERPRISE ":manager", URN_ENTERPRISE, "manager", "value", EXACT, false },
	{ URN_ENTERPRISE ":department", URN_ENTERPRISE, "department", NULL, FOLDED, false },
	{ URN_POSIX_USER ":uidNumber", URN_POSIX_USER, "uidNumber", NULL, NUMBER, false },
	{ URN_POSIX_USER ":sshPublicKeys", URN_POSIX_USER, "sshPublicKeys", NULL, EXACT, true },
};

/* Inside emails[…]. */
static const struct attribute subs[] = {
	{ "value", NULL, NULL, "value", FOLDED, false },
	{ "type", NULL, NULL, "type", FOLDED, false },
	{ "primary", NULL, NULL, "primary", TRUTH, false },
};

static const char *const words[] = { "a", "A", "ab", "Ab", "b", "bA", "é", "É", "aé", "a b" };
static const char *const folded[] = { "a", "a", "ab", "ab", "b", "ba", "é", "é", "aé", "a b" };
static const struct {
	const char *text;
	int instant;
} times[] = {
	{ "2026-01-01T00:00:00Z", 0 },	    { "2026-01-01T02:00:00+02:00", 0 },
	{ "2026-01-01T00:00:00.500Z", 1 },  { "2026-01-01T00:00:01Z", 2 },
	{ "2025-12-31T17:00:01-07:00", 2 }, { "2027-01-01T00:00:00Z", 3 },
};
static const double numbers[] = { 70000, 70001, 70002, 70001.5, -1, 7e4 };
static const char *const number_texts[] = { "70000", "70001", "70002", "70001.5", "-1", "7e4" };
static const char *const operators[] = { "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr" };
enum operator { EQ, NE, CO, SW, EW, GT, GE, LT, LE, PR };

/* --- a resource -------------------------------------------------------------------------------- */

static struct json_object *word(struct bytes *bytes)
{
	return json_object_new_string(words[bytes_below(bytes, ARRAY_SIZE(words))]);
}

static void maybe(struct bytes *bytes, struct json_object *into, const char *name,
		  struct json_object *value)
{
	if (bytes_take(bytes) % 4 > 0)
		(void)json_object_object_add(into, name, value);
	else
		json_object_put(value);
}

static struct json_object *emails_make(struct bytes *bytes)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t n = 1 + bytes_below(bytes, 3); n > 0; n--) {
		struct json_object *email = json_object_new_object();

		(void)json_object_object_add(email, "value", word(bytes));
		maybe(bytes, email, "type", word(bytes));
		maybe(bytes, email, "primary", json_object_new_boolean(bytes_take(bytes) % 2));
		(void)json_object_array_add(list, email);
	}
	return list;
}

static struct json_object *resource_make(struct bytes *bytes)
{
	struct json_object *user = json_object_new_object(), *part;

	(void)json_object_object_add(user, "userName", word(bytes));
	maybe(bytes, user, "externalId", word(bytes));
	maybe(bytes, user, "displayName", word(bytes));
	maybe(bytes, user, "title", word(bytes));
	(void)json_object_object_add(user, "active", json_object_new_boolean(bytes_take(bytes) % 2));
	maybe(bytes, user, "emails", emails_make(bytes));
	part = json_object_new_object();
	(void)json_object_object_add(part, "givenName", word(bytes));
	maybe(bytes, user, "name", part);
	part = json_object_new_object();
	(void)json_object_object_add(
		part, "created",
		json_object_new_string(times[bytes_below(bytes, ARRAY_SIZE(times))].text));
	(void)json_object_object_add(user, "meta", part);
	part = json_object_new_object();
	(void)json_object_object_add(part, "department", word(bytes));
	(void)json_object_object_add(part, "manager", json_object_new_object());
	(void)json_object_object_add(json_object_object_get(part, "manager"), "value", word(bytes));
	maybe(bytes, user, URN_ENTERPRISE, part);
	part = json_object_new_object();
	(void)json_object_object_add(part, "uidNumber",
				     json_object_new_int(70000 + (int)bytes_below(bytes, 3)));
	(void)json_object_object_add(part, "sshPublicKeys", json_object_new_array());
	(void)json_object_array_add(json_object_object_get(part, "sshPublicKeys"), word(bytes));
	maybe(bytes, user, URN_POSIX_USER, part);
	return user;
}

/* --- a tree ------------------------------------------------------------------------------------ */

struct node {
	enum { COMPARE, ELEMENTS, AND, OR, NOT } type;
	const struct attribute *attribute;
	enum operator op;
	uint32_t literal; /* index into words, times or numbers, or the truth */
	bool null;
	struct node *left, *right;
};

static struct node nodes[NODES_MAX];
static size_t used;

static struct node *compare_make(struct bytes *bytes, bool in_element)
{
	struct node *node = &nodes[used++];
	const struct attribute *a = in_element ? &subs[bytes_below(bytes, ARRAY_SIZE(subs))] :
						 &attributes[bytes_below(bytes, ARRAY_SIZE(attributes))];

	*node = (struct node){ .type = COMPARE, .attribute = a };
	node->op = (enum operator)bytes_below(bytes, PR + 1);
	if (a->kind == TRUTH && node->op != PR)
		node->op = node->op % 2 ? NE : EQ;
	if ((a->kind == NUMBER || a->kind == INSTANT) && node->op >= CO && node->op <= EW)
		node->op = GT;
	node->null = node->op <= NE && bytes_take(bytes) % 8 == 7;
	node->literal = bytes_below(bytes, a->kind == TRUTH   ? 2 :
					   a->kind == NUMBER  ? ARRAY_SIZE(numbers) :
					   a->kind == INSTANT ? ARRAY_SIZE(times) :
								ARRAY_SIZE(words));
	return node;
}

static struct node *tree_make(struct bytes *bytes, unsigned int depth, bool in_element)
{
	uint8_t choice = bytes_take(bytes) % 8;
	struct node *node;

	if (depth >= 4 || used > NODES_MAX - 12 || choice < 3)
		return compare_make(bytes, in_element);
	if (choice == 3 && in_element)
		return compare_make(bytes, in_element);
	node = &nodes[used++];
	*node = (struct node){ .type = choice == 3 ? ELEMENTS :
				       choice == 4 ? NOT :
				       choice <= 5 ? AND :
						     OR };
	node->left = tree_make(bytes, depth + 1, in_element || node->type == ELEMENTS);
	if (node->type == AND || node->type == OR)
		node->right = tree_make(bytes, depth + 1, in_element);
	return node;
}

/* --- the tree as text -------------------------------------------------------------------------- */

static void say(FILE *out, struct bytes *bytes, const char *text)
{
	for (; *text; text++)
		(void)fputc(bytes_take(bytes) % 4 == 3 ? toupper((unsigned char)*text) : *text, out);
}

static void blank(FILE *out, struct bytes *bytes)
{
	(void)fputs(bytes_take(bytes) % 8 == 7 ? "  " : " ", out);
}

static void compare_print(FILE *out, struct bytes *bytes, const struct node *node)
{
	say(out, bytes, node->attribute->path);
	blank(out, bytes);
	say(out, bytes, operators[node->op]);
	if (node->op == PR)
		return;
	blank(out, bytes);
	if (node->null)
		(void)fputs("null", out);
	else if (node->attribute->kind == TRUTH)
		say(out, bytes, node->literal ? "true" : "\"false\"");
	else if (node->attribute->kind == NUMBER)
		(void)fputs(number_texts[node->literal], out);
	else
		(void)fprintf(out, "\"%s\"", node->attribute->kind == INSTANT ?
						     times[node->literal].text :
						     words[node->literal]);
}

static void print(FILE *out, struct bytes *bytes, const struct node *node);

static void print_in(FILE *out, struct bytes *bytes, const struct node *node, bool parentheses)
{
	(void)fputs(parentheses ? "(" : "", out);
	print(out, bytes, node);
	(void)fputs(parentheses ? ")" : "", out);
}

/* emails[x].type eq "y" is emails[x and type eq "y"]. */
static void elements_print(FILE *out, struct bytes *bytes, const struct node *inner)
{
	bool apart = inner->type == AND && inner->right->type == COMPARE &&
		     inner->left->type != OR && bytes_take(bytes) % 2;

	say(out, bytes, "emails");
	(void)fputs("[", out);
	print(out, bytes, apart ? inner->left : inner);
	(void)fputs(apart ? "]." : "]", out);
	if (apart)
		compare_print(out, bytes, inner->right);
}

static void print(FILE *out, struct bytes *bytes, const struct node *node)
{
	bool more = bytes_take(bytes) % 8 == 7; /* parentheses nobody needs */

	switch (node->type) {
	case COMPARE:
		compare_print(out, bytes, node);
		break;
	case ELEMENTS:
		elements_print(out, bytes, node->left);
		break;
	case NOT:
		say(out, bytes, bytes_take(bytes) % 2 ? "not" : "not ");
		print_in(out, bytes, node->left, true);
		break;
	default:
		/* The right one of two alike is grouped, because they are read from the left. */
		print_in(out, bytes, node->left, more || (node->type == AND && node->left->type == OR));
		blank(out, bytes);
		say(out, bytes, node->type == AND ? "and" : "or");
		blank(out, bytes);
		print_in(out, bytes, node->right,
			 node->right->type == node->type ||
				 (node->type == AND && node->right->type == OR));
	}
}

/* --- the tree by itself ------------------------------------------------------------------------ */

static bool ordered(enum operator op, double order)
{
	switch (op) {
	case EQ:
	case NE:
		return order == 0;
	case GT:
		return order > 0;
	case GE:
		return order >= 0;
	case LT:
		return order < 0;
	default:
		return op == LE && order <= 0;
	}
}

static const char *plain(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], text) == 0)
			return folded[i];
	return text;
}

static bool text_agrees(const struct node *node, const char *have)
{
	const char *want = words[node->literal];

	if (node->attribute->kind == FOLDED) {
		have = plain(have);
		want = plain(want);
	}
	if (node->op == CO)
		return strstr(have, want) != NULL;
	if (node->op == SW)
		return strncmp(have, want, strlen(want)) == 0;
	if (node->op == EW)
		return strlen(have) >= strlen(want) &&
		       strcmp(have + strlen(have) - strlen(want), want) == 0;
	return ordered(node->op, strcmp(have, want));
}

/* One value; "ne" as "eq". */
static bool value_agrees(const struct node *node, struct json_object *value)
{
	if (!value)
		return false;
	if (node->op == PR || node->null)
		return true;
	switch (node->attribute->kind) {
	case TRUTH:
		return json_object_get_boolean(value) == (int)node->literal;
	case NUMBER:
		return ordered(node->op, json_object_get_int(value) - numbers[node->literal]);
	case INSTANT:
		for (size_t i = 0; i < ARRAY_SIZE(times); i++)
			if (strcmp(times[i].text, json_object_get_string(value)) == 0)
				return ordered(node->op,
					       times[i].instant - times[node->literal].instant);
		return false;
	default:
		return text_agrees(node, json_object_get_string(value));
	}
}

static struct json_object *part(struct json_object *object, const char *name)
{
	return name ? json_object_object_get(object, name) : object;
}

static bool compare_agrees(const struct node *node, struct json_object *object)
{
	const struct attribute *a = node->attribute;
	struct json_object *value = part(part(object, a->urn), a->name);
	bool found = false;

	if (!a->multi)
		found = value_agrees(node, part(value, a->sub));
	for (size_t i = 0; a->multi && value && i < json_object_array_length(value); i++)
		found = found || value_agrees(node, part(json_object_array_get_idx(value, i),
							 a->sub));
	if (node->null)
		return found == (node->op == NE);
	return node->op == NE ? !found : found;
}

static bool agrees(const struct node *node, struct json_object *object)
{
	struct json_object *list;

	switch (node->type) {
	case COMPARE:
		return compare_agrees(node, object);
	case NOT:
		return !agrees(node->left, object);
	case AND:
		return agrees(node->left, object) & agrees(node->right, object);
	case OR:
		return agrees(node->left, object) | agrees(node->right, object);
	default:
		list = json_object_object_get(object, "emails");
		for (size_t i = 0; list && i < json_object_array_length(list); i++)
			if (agrees(node->left, json_object_array_get_idx(list, i)))
				return true;
		return false;
	}
}

static void ask(struct bytes *bytes)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	_cleanup_(json_putp) struct json_object *resource = resource_make(bytes);
	_cleanup_free_ char *text = NULL;
	struct fault fault = { 0 };
	const struct node *tree;
	size_t text_size;
	FILE *out;
	bool want;
	int r;

	used = 0;
	tree = tree_make(bytes, 0, false);
	out = open_memstream(&text, &text_size);
	HOLDS(out != NULL);
	print(out, bytes, tree);
	HOLDS(fclose(out) == 0);
	r = filter_parse(RESOURCE_USER, text, text_size, &filter, &fault);
	want = agrees(tree, resource);
	if (r < 0 || filter_matches(filter, resource) != want)
		(void)fprintf(stderr, "%s\n%s\n%s\nexpected %d\n", text, fault.detail,
			      json_object_to_json_string(resource), want);
	HOLDS(r == 0);
	HOLDS(filter_matches(filter, resource) == want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };

	do
		ask(&bytes);
	while (bytes.left > 0);
	return 0;
}
