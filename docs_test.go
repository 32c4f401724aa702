package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// A fence is a block of code of a page.
type fence struct {
	info   string // behind the backticks
	text   string // without the indentation of the first line
	line   int
	indent string
}

// A page is a file in Markdown, taken apart.
type page struct {
	name   string
	prose  string // without the fences
	fences []fence
}

// readPage reads a page by its name, from the repository's root.
func readPage(t *testing.T, name string) page {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p := page{name: name}
	var prose strings.Builder
	var open *fence
	scanner := bufio.NewScanner(strings.NewReader(string(raw)))
	for number := 1; scanner.Scan(); number++ {
		line := scanner.Text()
		indent, info, edge := strings.Cut(line, "```")
		edge = edge && strings.TrimSpace(indent) == ""
		switch {
		case edge && open == nil && !strings.Contains(info, "`"):
			open = &fence{info: info, line: number, indent: indent}
			prose.WriteString("\n")
		case edge && open != nil:
			p.fences = append(p.fences, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, open.indent) + "\n"
		default:
			prose.WriteString(line + "\n")
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block does not end", name, open.line)
	}
	p.prose = prose.String()
	return p
}

// pages reads everything that is written for people.
func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []page
	for _, name := range append([]string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/README.md"}, names...) {
		list = append(list, readPage(t, filepath.ToSlash(name)))
	}
	return list
}

var (
	heading    = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	link       = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	notInSlugs = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors gives the anchors of a page's headings, as GitHub makes them.
func (p page) anchors() map[string]bool {
	anchors := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(p.prose, -1) {
		text := link.ReplaceAllStringFunc(match[1], func(s string) string { return s[1:strings.Index(s, "]")] })
		slug := strings.ReplaceAll(notInSlugs.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
		unique := slug
		for n := 1; anchors[unique]; n++ {
			unique = slug + "-" + strconv.Itoa(n)
		}
		anchors[unique] = true
	}
	return anchors
}

// Every link within the repository leads to a file, and to a heading of it.
func TestLinksOfTheDocs(t *testing.T) {
	known := map[string]page{}
	for _, p := range pages(t) {
		known[p.name] = p
	}
	for _, p := range known {
		for _, match := range link.FindAllStringSubmatch(p.prose, -1) {
			target := match[1]
			if strings.Contains(target, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			if file = path.Join(path.Dir(p.name), file); strings.HasPrefix(target, "#") {
				file = p.name
			}
			if _, err := os.Stat(file); err != nil || strings.HasPrefix(file, "..") {
				t.Errorf("%s: %s leads nowhere", p.name, target)
			} else if anchor != "" && !known[file].anchors()[anchor] {
				t.Errorf("%s: %s: there is no such heading", p.name, target)
			}
		}
	}
	readme := known["README.md"].prose
	for name := range known {
		if name != "README.md" && !strings.Contains(readme, "]("+name) {
			t.Errorf("README.md has no link to %s", name)
		}
	}
}

// spans gives what is written as code within the text.
func (p page) spans() []string { return words(strings.ReplaceAll(p.prose, "\n", " ")) }

var ownCommand = regexp.MustCompile(`^(\./)?glance_exporter( |$)|^go run \.( |$)`)

// commands gives the exporter's own command lines among the blocks and the code
// of a page, without what a shell would do with the rest.
func (p page) commands() []string {
	lines := p.spans()
	for _, f := range p.fences {
		if strings.HasPrefix(f.info, "sh") {
			lines = slices.AppendSeq(lines, strings.Lines(strings.ReplaceAll(f.text, "\\\n", " ")))
		}
	}
	var commands []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, "&&") {
			if part = strings.TrimSpace(part); ownCommand.MatchString(part) {
				part, _, _ = strings.Cut(part, ">")
				part, _, _ = strings.Cut(part, "|")
				commands = append(commands, ownCommand.ReplaceAllString(strings.TrimSpace(part), ""))
			}
		}
	}
	return commands
}

// Every command line of the exporter in the docs is one that it takes, and every
// flag that is named by itself is one of its own.
func TestFlagsOfTheDocs(t *testing.T) {
	known := map[string]bool{}
	for _, flag := range newApp(&config{given: map[string]bool{}}).Model().Flags {
		known[flag.Name] = true
	}
	count := 0
	named := regexp.MustCompile(`^--([a-z][a-z0-9.-]*)`)
	for _, p := range pages(t) {
		for _, span := range p.spans() {
			if match := named.FindStringSubmatch(span); len(match) == 2 && !known[match[1]] {
				t.Errorf("%s: %q is no flag", p.name, span)
			}
		}
		for _, command := range p.commands() {
			count++
			if _, err := parseFlags(strings.Fields(command), t.Output()); err != nil && command != "--version" {
				t.Errorf("%s: %q: %v", p.name, command, err)
			}
		}
	}
	if count < 10 {
		t.Errorf("there are %d command lines in the docs", count)
	}
}

// Names that look like metrics and are something else.
var noMetrics = map[string]string{
	"glance_exporter":      "the program, and a job",
	"glance_failed_import": "the end of a property of Glance",
	"glance_limits":        "a group of rules",
}

// Every metric that the docs name exists.
func TestMetricsOfTheDocs(t *testing.T) {
	known := map[string]bool{}
	for _, metric := range allMetrics() {
		known[metric.Name] = true
		if metric.Type == "histogram" {
			known[metric.Name+"_bucket"], known[metric.Name+"_sum"], known[metric.Name+"_count"] = true, true, true
		}
	}
	name := regexp.MustCompile(`\bglance_[a-z0-9_]+|os_glance_[a-z_]+`)
	for _, p := range pages(t) {
		text := p.prose
		for _, f := range p.fences {
			text += f.text
		}
		for _, found := range name.FindAllString(text, -1) {
			if !known[found] && noMetrics[found] == "" && !strings.HasPrefix(found, "os_") {
				t.Errorf("%s: there is no metric %s", p.name, found)
			}
		}
	}
}

// source gives the string literals of the program and, of those, what is logged
// as a message.
func source(t *testing.T) (literals, messages []string) {
	t.Helper()
	files := token.NewFileSet()
	for _, dir := range []string{".", "client", "collector"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.BasicLit:
					literals = append(literals, texts(node)...)
				case *ast.CallExpr:
					messages = append(messages, logged(node)...)
				case *ast.AssignStmt: // a message that is chosen
					if left, ok := node.Lhs[0].(*ast.Ident); ok && left.Name == "msg" {
						messages = append(messages, texts(node.Rhs[0])...)
					}
				}
				return true
			})
		}
	}
	return literals, slices.Compact(slices.Sorted(slices.Values(messages)))
}

// texts gives the value of a string literal; nothing of anything else.
func texts(node ast.Expr) []string {
	literal, ok := node.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return nil
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []string{text}
}

// logged gives the message of a call that logs, where it is a literal.
func logged(call *ast.CallExpr) []string {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	place, ok := map[string]int{"Log": 1, "log": 1, "Notice": 0, "giveUp": 0, "fail": 0}[function.Sel.Name]
	if !ok || place >= len(call.Args) {
		return nil
	}
	if key := texts(call.Args[0]); place == 1 && function.Sel.Name == "Log" && (len(key) == 0 || key[0] != "msg") {
		return nil
	}
	return texts(call.Args[place])
}

// The page of troubles has every line that the program logs, and no other; and
// what it quotes of errors and answers is what the program says.
func TestMessagesOfTheDocs(t *testing.T) {
	literals, messages := source(t)
	var documented []string
	quoted := tables(t, troublePage)
	for _, row := range quoted["log line"] {
		documented = append(documented, word(row[0]))
	}
	slices.Sort(documented)
	if !slices.Equal(documented, messages) {
		t.Errorf("%s has the log lines\n%s\nthe program's are\n%s", troublePage, strings.Join(documented, "\n"), strings.Join(messages, "\n"))
	}
	for _, heading := range []string{"err", "standard error", "answer"} {
		if len(quoted[heading]) < 5 {
			t.Errorf("%s: the table of %q has %d rows", troublePage, heading, len(quoted[heading]))
		}
		for _, row := range quoted[heading] {
			for part := range strings.SplitSeq(strings.ReplaceAll(word(row[0]), " (", "..."), "...") {
				part = strings.Trim(part, " ,:;()")
				if !slices.ContainsFunc(literals, func(literal string) bool { return strings.Contains(literal, part) }) {
					t.Errorf("%s: the program never says %q", troublePage, part)
				}
			}
		}
	}
}

// The lines of libraries are seen at programs that give cause for them.
func TestLibraryLinesOfTheDocs(t *testing.T) {
	rows := tables(t, troublePage)["library line"]
	clearEnvironment(t)
	testCertificate{host: net.IPv4(127, 0, 0, 1), until: time.Now().Add(time.Hour)}.write(t, ".")
	files(t, map[string]string{"tls.yml": "tls_server_config: {cert_file: cert.pem, key_file: key.pem}", "plain.yml": "basic_auth_users: {}"})
	secure := start(t, "--demo", "--demo.images=5", "--web.config.file=tls.yml")
	if got := secure.get("/"); got.status != http.StatusBadRequest { // HTTP, where TLS is spoken
		t.Errorf("HTTP at a port of TLS: %d", got.status)
	}
	plain := start(t, "--demo", "--demo.images=5", "--web.config.file=plain.yml")
	plain.get("/") // by now it has read its file
	files(t, map[string]string{"plain.yml": "nonsense: 1"})
	if got := plain.get("/"); got.status != http.StatusInternalServerError {
		t.Errorf("with a bad file: %d", got.status)
	}
	if !secure.log.tells("http: TLS handshake error") || !plain.log.tells("Unable to parse configuration") {
		t.Error("the servers do not tell of their trouble")
	}
	log := secure.log.String() + plain.log.String()
	// These need a scraper that goes away, and samples that contradict each other.
	unseen := []string{"error encoding and sending metric family: ...", "error gathering metrics: ..."}
	for _, row := range rows {
		if text, _, _ := strings.Cut(word(row[0]), "..."); !slices.Contains(unseen, word(row[0])) && !strings.Contains(log, text) {
			t.Errorf("no library says %q: %s", text, log)
		}
	}
}

// placed replaces the paths of certificates in a snippet by those of files that
// are there.
func placed(text string) string {
	for from, to := range map[string]string{
		"/etc/openstack/ca.pem": "cert.pem", "/etc/openstack/client.pem": "cert.pem", "/etc/openstack/client-key.pem": "key.pem",
		"/etc/glance_exporter/server.pem": "cert.pem", "/etc/glance_exporter/server-key.pem": "key.pem",
	} {
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

// snippets gives the blocks of YAML, on all pages, that have a key at their top.
func snippets(t *testing.T, key string) []fence {
	t.Helper()
	begins := regexp.MustCompile(`(?m)^` + key + `:`)
	var found []fence
	for _, p := range pages(t) {
		for _, f := range p.fences {
			if f.info == "yaml" && begins.MatchString(f.text) {
				f.info = fmt.Sprintf("%s:%d", p.name, f.line)
				found = append(found, f)
			}
		}
	}
	if len(found) == 0 {
		t.Errorf("no page has a block with %s", key)
	}
	return found
}

// Each clouds.yaml of the docs passes --config.check, cloud by cloud. One that is
// marked as secure.yaml belongs to the one before it.
func TestCloudsOfTheDocs(t *testing.T) {
	found := snippets(t, "clouds")
	openrc := regexp.MustCompile(`(?m)^export (OS_[A-Z_]+)=(.*)$`)
	var variables [][]string
	for _, f := range readPage(t, "docs/clouds.md").fences {
		variables = append(variables, openrc.FindAllStringSubmatch(f.text, -1)...)
	}
	clearEnvironment(t)
	testCertificate{host: net.IPv4(127, 0, 0, 1), until: time.Now().Add(time.Hour)}.write(t, ".")
	name := regexp.MustCompile(`(?m)^  ([a-z]+):`)
	for i, f := range found {
		if strings.HasPrefix(f.text, "# secure.yaml") {
			continue
		}
		content := map[string]string{"clouds.yaml": placed(f.text), "secure.yaml": ""}
		if i+1 < len(found) && strings.HasPrefix(found[i+1].text, "# secure.yaml") {
			content["secure.yaml"] = found[i+1].text
		}
		files(t, content)
		names := name.FindAllStringSubmatch(f.text, -1)
		if len(names) == 0 {
			t.Errorf("%s: there is no cloud", f.info)
		}
		for _, match := range names {
			if status, out, errs := execute(t, "--config.check", "--cloud="+match[1]); status != 0 {
				t.Errorf("%s: the cloud %s: %s%s", f.info, match[1], out, errs)
			}
		}
	}
	for _, name := range []string{"clouds.yaml", "secure.yaml"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, variable := range variables {
		t.Setenv(variable[1], variable[2])
	}
	if status, out, errs := execute(t, "--config.check"); status != 0 || !strings.Contains(out, "envvars") {
		t.Errorf("the openrc file of docs/clouds.md: %s%s", out, errs)
	}
}

// The file for --web.config.file is one, and its password the one that the scrape
// config beside it has.
func TestWebConfigOfTheDocs(t *testing.T) {
	found := snippets(t, "tls_server_config")
	configs := snippets(t, "scrape_configs")
	clearEnvironment(t)
	testCertificate{host: net.IPv4(127, 0, 0, 1), until: time.Now().Add(time.Hour)}.write(t, ".")
	files(t, map[string]string{"web.yml": placed(found[0].text)})
	if err := web.Validate("web.yml"); err != nil {
		t.Fatalf("%s: %v", found[0].info, err)
	}
	_, users, _ := strings.Cut(found[0].text, "basic_auth_users:\n")
	files(t, map[string]string{"web.yml": "basic_auth_users:\n" + users})
	p := start(t, "--demo", "--demo.images=5", "--web.config.file=web.yml")
	login := regexp.MustCompile(`basic_auth: \{username: (\S+), password: (\S+)\}`)
	for _, f := range configs {
		if match := login.FindStringSubmatch(f.text); match != nil {
			header := "Basic " + base64.StdEncoding.EncodeToString([]byte(match[1]+":"+match[2]))
			for _, path := range []string{"/-/healthy", "/metrics"} {
				without, with := p.get(path), p.get(path, "Authorization", header)
				if without.status != http.StatusUnauthorized || with.status != http.StatusOK {
					t.Errorf("%s: %s: %d without the password, %d with it", f.info, path, without.status, with.status)
				}
			}
			return
		}
	}
	t.Error("no scrape config has a password")
}
