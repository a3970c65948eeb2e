/* Parsing by recursive descent. From loose to tight: or, and, not, comparison; parentheses and
 * brackets group. What the grammar of RFC 7644 has besides errata: a value path may go on with a
 * sub-attribute (emails[type eq "work"].value eq "x"), and a value may come without quotes. */
#include "scimd/model/filter.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/filter_node.h"
#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/utf8.h"
#include "scimd/model/value.h"

struct parser {
	enum resource_type type;
	bool any_type; /* attributes of other types are known, too */
	const struct schema_attribute *scope; /* inside brackets: the attribute before them */
	const char *at, *end;
	unsigned int depth;
	struct fault *fault;
};

static int parse_or(struct parser *p, struct filter **ret);

static int bad(struct parser *p, const char *what)
{
	int left = p->end - p->at > 40 ? 40 : (int)(p->end - p->at);

	return fault_set(p->fault, 400, "invalidFilter", "filter: %s%s\"%.*s\"", what,
			 left ? " at " : " at the end ", left, p->at);
}

void filter_freep(struct filter **filter)
{
	struct filter *node = *filter;

	if (!node)
		return;
	filter_freep(&node->left);
	filter_freep(&node->right);
	free(node->text);
	free(node->folded);
	free(node);
	*filter = NULL;
}

/* A node over left and right, which it takes. */
static int node_join(enum filter_kind kind, struct filter **left, struct filter **right,
		     struct filter **ret)
{
	struct filter *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->kind = kind;
	node->left = TAKE_PTR(*left);
	if (right)
		node->right = TAKE_PTR(*right);
	*ret = node;
	return 0;
}

static void skip_spaces(struct parser *p)
{
	while (p->at < p->end && *p->at == ' ')
		p->at++;
}

static bool take(struct parser *p, char c)
{
	if (p->at >= p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

/* How long the word is that starts here. */
static size_t word_length(const struct parser *p)
{
	const char *at = p->at;

	while (at < p->end && (unsigned char)*at > ' ' && !strchr("[]()\"", *at))
		at++;
	return (size_t)(at - p->at);
}

/* "and" or "or" between two terms. */
static bool take_keyword(struct parser *p, const char *keyword)
{
	size_t len = strlen(keyword);

	skip_spaces(p);
	if (word_length(p) != len || strncasecmp(p->at, keyword, len) != 0 ||
	    !strchr(" )]", p->at[-1]))
		return false;
	p->at += len;
	return true;
}

static int parse_operator(struct parser *p, enum filter_op *ret)
{
	static const char names[][3] = {
		[FILTER_EQ] = "eq", [FILTER_NE] = "ne", [FILTER_CO] = "co", [FILTER_SW] = "sw",
		[FILTER_EW] = "ew", [FILTER_GT] = "gt", [FILTER_GE] = "ge", [FILTER_LT] = "lt",
		[FILTER_LE] = "le", [FILTER_PR] = "pr",
	};

	if (p->at >= p->end || *p->at != ' ')
		return bad(p, "an operator is missing");
	skip_spaces(p);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (word_length(p) == 2 && strncasecmp(p->at, names[i], 2) == 0) {
			p->at += 2;
			*ret = (enum filter_op)i;
			return 0;
		}
	}
	return bad(p, "unknown operator");
}

/* A JSON value or a bare word, as a JSON value (NULL for null) with whether it was quoted. */
static int parse_literal(struct parser *p, struct json_object **ret, bool *ret_quoted)
{
	const char *start = p->at;
	struct fault ignored;
	size_t len;
	int r;

	*ret_quoted = take(p, '"');
	if (*ret_quoted) {
		while (p->at < p->end && *p->at != '"')
			p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
		if (!take(p, '"')) {
			p->at = start;
			return bad(p, "an unfinished string");
		}
		r = json_parse(start, (size_t)(p->at - start), ret, &ignored);
		p->at = r < 0 ? start : p->at;
		return r == -EPROTO ? bad(p, "a broken string") : r;
	}
	len = word_length(p);
	if (len == 0)
		return bad(p, "a value is missing");
	if (*start == '\'')
		return bad(p, "a string needs double quotes,");
	if (len == 4 && strncasecmp(start, "null", 4) == 0) {
		*ret = NULL;
	} else {
		*ret = json_object_new_string_len(start, (int)len);
		if (!*ret)
			return -ENOMEM;
	}
	p->at += len;
	return 0;
}

static int set_text(struct filter *node, const struct schema_attribute *target, const char *text)
{
	node->literal = FILTER_TEXT;
	node->text = strdup(text);
	if (node->text && !target->case_exact)
		node->folded = json_fold(text);
	return node->text && (target->case_exact || node->folded) ? 0 : -ENOMEM;
}

static int set_time(struct parser *p, struct filter *node, const char *text)
{
	/* Parts of the text can be looked for as well, such as a year with "sw". */
	if (node->op == FILTER_CO || node->op == FILTER_SW || node->op == FILTER_EW)
		return set_text(node, &(struct schema_attribute){ .case_exact = false }, text);
	if (value_time(text, &node->integer) < 0)
		return bad(p, "no date and time before");
	node->literal = FILTER_TIME;
	node->text = strdup(text);
	return node->text ? 0 : -ENOMEM;
}

static int set_number(struct parser *p, struct filter *node, const char *text)
{
	_cleanup_(json_putp) struct json_object *number = NULL;
	struct fault ignored;
	int r;

	if (node->op == FILTER_CO || node->op == FILTER_SW || node->op == FILTER_EW)
		return bad(p, "an operator for text on a number before");
	r = json_parse(text, strlen(text), &number, &ignored);
	if (r < 0 && r != -EPROTO)
		return r;
	if (r >= 0 && json_object_is_type(number, json_type_int)) {
		node->literal = FILTER_INTEGER;
		node->integer = json_object_get_int64(number);
		return 0;
	}
	if (r >= 0 && json_object_is_type(number, json_type_double)) {
		node->literal = FILTER_DECIMAL;
		node->decimal = json_object_get_double(number);
		return 0;
	}
	return bad(p, "no number before");
}

static int set_boolean(struct parser *p, struct filter *node, const char *text)
{
	int truth = value_boolean(text);

	if (node->op != FILTER_EQ && node->op != FILTER_NE)
		return bad(p, "a boolean has no order and no parts, before");
	if (truth < 0)
		return bad(p, "neither true nor false before");
	node->literal = FILTER_BOOLEAN;
	node->integer = truth;
	return 0;
}

const struct schema_attribute *filter_target(const struct path *path)
{
	const struct schema_attribute *value;

	if (path->sub)
		return path->sub;
	if (path->attribute->type != SCHEMA_COMPLEX)
		return path->attribute;
	value = schema_attribute_find(path->attribute->sub, "value", 5);
	return value ? value : path->attribute;
}

static int parse_comparison_value(struct parser *p, struct filter *node)
{
	const struct schema_attribute *target = filter_target(&node->path);
	_cleanup_(json_putp) struct json_object *literal = NULL;
	bool quoted, is_order = node->op >= FILTER_GT && node->op <= FILTER_LE;
	const char *text;
	int r;

	if (target->type == SCHEMA_BINARY && is_order)
		return bad(p, "binary values have no order");
	if (p->at >= p->end || *p->at != ' ')
		return bad(p, "a value is missing");
	skip_spaces(p);
	r = parse_literal(p, &literal, &quoted);
	if (r < 0)
		return r;
	if (!literal) {
		node->literal = FILTER_NULL;
		return node->op <= FILTER_NE ? 0 : bad(p, "null can only be eq or ne, before");
	}
	if (target->type == SCHEMA_COMPLEX)
		return bad(p, "a complex attribute cannot be compared, name a sub-attribute, before");
	text = json_object_get_string(literal);
	switch (target->type) {
	case SCHEMA_BOOLEAN:
		return set_boolean(p, node, text);
	case SCHEMA_INTEGER:
	case SCHEMA_DECIMAL:
		return set_number(p, node, text);
	case SCHEMA_DATETIME:
		return set_time(p, node, text);
	default:
		return set_text(node, target, text);
	}
}

/* The attribute that the next len bytes name. */
static int lookup(struct parser *p, size_t len, struct path *ret)
{
	struct path path = { .schema = NULL };
	int r = 0, shown = len > 200 ? 200 : (int)len;

	if (p->scope) {
		path.attribute = p->scope;
		path.sub = path_sub_find(p->scope, p->at, len);
		r = path.sub ? 0 : -ENOENT;
	} else {
		r = p->any_type ? path_lookup_any(p->type, p->at, len, &path)
				: path_lookup(p->type, p->at, len, &path);
		if (r == 0 && !path.attribute)
			r = -ENOENT;
	}
	if (len == 0)
		return bad(p, "an attribute is missing");
	if (r < 0)
		return fault_set(p->fault, 400, "invalidFilter",
				 "filter: \"%.*s\" is not an attribute", shown, p->at);
	if (path.attribute->returned == SCHEMA_NEVER)
		return fault_set(p->fault, 400, "invalidFilter",
				 "filter: %s cannot be searched for", path.attribute->name);
	*ret = path;
	p->at += len;
	return 0;
}

/* The rest of a comparison whose attribute has been read. */
static int parse_comparison(struct parser *p, const struct path *path, struct filter **ret)
{
	_cleanup_(filter_freep) struct filter *node = calloc(1, sizeof(*node));
	int r;

	if (!node)
		return -ENOMEM;
	node->kind = FILTER_COMPARE;
	node->path = *path;
	node->in_element = p->scope != NULL;
	r = parse_operator(p, &node->op);
	if (r < 0)
		return r;
	if (node->op != FILTER_PR) {
		r = parse_comparison_value(p, node);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(node);
	return 0;
}

/* After "]" of a value path: ".sub op value" of the same element, joined to *inner. */
static int parse_continuation(struct parser *p, struct filter **inner)
{
	_cleanup_(filter_freep) struct filter *more = NULL;
	struct path path;
	int r;

	r = lookup(p, word_length(p), &path);
	if (r < 0)
		return r;
	r = parse_comparison(p, &path, &more);
	return r < 0 ? r : node_join(FILTER_AND, inner, &more, inner);
}

/* After "[". */
static int parse_elements(struct parser *p, const struct path *path, struct filter **ret)
{
	_cleanup_(filter_freep) struct filter *inner = NULL;
	int r;

	if (p->scope || path->sub || !(path->attribute->multi_valued || path->attribute->sub))
		return bad(p, "a filter in brackets does not belong here,");
	p->scope = path->attribute;
	r = parse_or(p, &inner);
	if (r < 0)
		return r;
	skip_spaces(p);
	if (!take(p, ']'))
		return bad(p, "no closing bracket");
	if (take(p, '.')) {
		r = parse_continuation(p, &inner);
		if (r < 0)
			return r;
	}
	p->scope = NULL;
	r = node_join(FILTER_ELEMENTS, &inner, NULL, ret);
	if (r == 0)
		(*ret)->path = *path;
	return r;
}

/* After "(". */
static int parse_group(struct parser *p, struct filter **ret)
{
	_cleanup_(filter_freep) struct filter *inner = NULL;
	int r;

	if (p->depth >= FILTER_DEPTH_MAX)
		return bad(p, "nested too deeply");
	p->depth++;
	r = parse_or(p, &inner);
	if (r < 0)
		return r;
	p->depth--;
	skip_spaces(p);
	if (!take(p, ')'))
		return bad(p, "no closing parenthesis");
	*ret = TAKE_PTR(inner);
	return 0;
}

static int parse_term(struct parser *p, struct filter **ret)
{
	_cleanup_(filter_freep) struct filter *inner = NULL;
	struct path path;
	size_t len;
	int r;

	skip_spaces(p);
	if (take(p, '('))
		return parse_group(p, ret);
	len = word_length(p);
	if (len == 3 && strncasecmp(p->at, "not", 3) == 0) {
		p->at += 3;
		skip_spaces(p);
		if (!take(p, '('))
			return bad(p, "no parenthesis after not");
		r = parse_group(p, &inner);
		return r < 0 ? r : node_join(FILTER_NOT, &inner, NULL, ret);
	}
	r = lookup(p, len, &path);
	if (r < 0)
		return r;
	return take(p, '[') ? parse_elements(p, &path, ret) : parse_comparison(p, &path, ret);
}

/* term { keyword term }, joined from the left. */
static int parse_chain(struct parser *p, const char *keyword, enum filter_kind kind,
		       int (*parse)(struct parser *, struct filter **), struct filter **ret)
{
	_cleanup_(filter_freep) struct filter *left = NULL;
	int r;

	r = parse(p, &left);
	if (r < 0)
		return r;
	while (take_keyword(p, keyword)) {
		_cleanup_(filter_freep) struct filter *right = NULL;

		r = parse(p, &right);
		if (r < 0)
			return r;
		r = node_join(kind, &left, &right, &left);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(left);
	return 0;
}

static int parse_and(struct parser *p, struct filter **ret)
{
	return parse_chain(p, "and", FILTER_AND, parse_term, ret);
}

static int parse_or(struct parser *p, struct filter **ret)
{
	return parse_chain(p, "or", FILTER_OR, parse_and, ret);
}

static int check_text(const char *text, size_t len, struct fault *fault)
{
	uint32_t character;

	if (len > FILTER_MAX_BYTES)
		return fault_set(fault, 400, "invalidFilter", "filter: longer than %d bytes",
				 FILTER_MAX_BYTES);
	for (size_t at = 0; at < len;) {
		int size = utf8_decode(text + at, len - at, &character);

		if (size < 0 || character == 0)
			return fault_set(fault, 400, "invalidFilter",
					 "filter: no UTF-8 text at byte %zu", at);
		at += (size_t)size;
	}
	return 0;
}

static int parse_all(struct parser *p, struct filter **ret)
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	int r;

	r = check_text(p->at, (size_t)(p->end - p->at), p->fault);
	if (r < 0)
		return r;
	r = parse_or(p, &filter);
	if (r < 0)
		return r;
	skip_spaces(p);
	if (p->at != p->end)
		return bad(p, "something after the filter");
	*ret = TAKE_PTR(filter);
	return 0;
}

int filter_parse(enum resource_type type, const char *text, size_t len, struct filter **ret,
		 struct fault *fault)
{
	struct parser p = { .type = type, .at = text, .end = text + len, .fault = fault };

	return parse_all(&p, ret);
}

int filter_parse_any(enum resource_type type, const char *text, size_t len, struct filter **ret,
		     struct fault *fault)
{
	struct parser p = {
		.type = type, .any_type = true, .at = text, .end = text + len, .fault = fault
	};

	return parse_all(&p, ret);
}

int filter_parse_elements(const struct schema_attribute *attribute, const char *text, size_t len,
			  size_t *ret_used, struct filter **ret, struct fault *fault)
{
	struct parser p = { .scope = attribute, .at = text, .end = text + len, .fault = fault };
	_cleanup_(filter_freep) struct filter *filter = NULL;
	int r;

	r = check_text(text, len, fault);
	if (r < 0)
		return r;
	r = parse_or(&p, &filter);
	if (r < 0)
		return r;
	skip_spaces(&p);
	if (!take(&p, ']'))
		return bad(&p, "no closing bracket");
	*ret_used = (size_t)(p.at - text);
	*ret = TAKE_PTR(filter);
	return 0;
}
