package main

import (
	"bytes"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is as much of a forge's workflow as the tests judge. Its form as a whole
// is a matter of "make lint".
type workflow struct {
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]job    `yaml:"jobs"`
}

type job struct {
	Needs       string            `yaml:"needs"`
	If          string            `yaml:"if"`
	Permissions map[string]string `yaml:"permissions"`
	Env         map[string]string `yaml:"env"`
	Container   struct {
		Image string `yaml:"image"`
	} `yaml:"container"`
	Steps []struct {
		Run string            `yaml:"run"`
		Env map[string]string `yaml:"env"`
	} `yaml:"steps"`
}

// trust is the one command of the workflow that is no target: it is about the
// forge's containers, and changes settings that are not the Makefile's.
const trust = `git config --system --add safe.directory "*"`

func readWorkflow(t *testing.T) (text []byte, w workflow) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(".github", "workflows", "ci.yml"))
	if err == nil {
		err = yaml.Unmarshal(text, &w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, w
}

// makeTargets lists the targets that "make help" knows.
func makeTargets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, match := range regexp.MustCompile(`(?m)^([a-z0-9-]+):.*## `).FindAllSubmatch(text, -1) {
		targets = append(targets, string(match[1]))
	}
	return targets
}

// Whatever the forge runs is a target, so that it can be tried anywhere.
func TestWorkflowCallsTargets(t *testing.T) {
	t.Parallel()
	_, w := readWorkflow(t)
	targets := makeTargets(t)
	called := map[string][]string{}
	for name, job := range w.Jobs {
		for _, step := range job.Steps {
			target, ok := strings.CutPrefix(step.Run, "make ")
			switch {
			case step.Run == "" || step.Run == trust:
			case !ok || !slices.Contains(targets, target):
				t.Errorf("%s runs %q, which is not one target of the Makefile", name, step.Run)
			default:
				called[name] = append(called[name], target)
			}
		}
	}
	want := map[string][]string{
		"ci":      {"ci"},
		"build":   {"ready", "packages", "release"},
		"publish": {"packages", "sign", "publish"},
	}
	if !maps.EqualFunc(called, want, slices.Equal) {
		t.Errorf("the jobs make %v, want %v", called, want)
	}
}

// A release is what has passed, and only the job that publishes it may write.
func TestWorkflowPermissions(t *testing.T) {
	t.Parallel()
	_, w := readWorkflow(t)
	if want := map[string]string{"contents": "read"}; !maps.Equal(w.Permissions, want) {
		t.Errorf("all jobs may %v, want %v", w.Permissions, want)
	}
	const tagged = "startsWith(github.ref, 'refs/tags/v')"
	for name, want := range map[string]job{
		"ci":      {},
		"build":   {Needs: "ci", If: tagged},
		"publish": {Needs: "build", If: tagged, Permissions: map[string]string{"contents": "write", "packages": "write", "id-token": "write"}},
	} {
		got := w.Jobs[name]
		if got.Needs != want.Needs || got.If != want.If {
			t.Errorf("the job %s needs %q and runs if %q, want %q and %q", name, got.Needs, got.If, want.Needs, want.If)
		}
		if !maps.Equal(got.Permissions, want.Permissions) {
			t.Errorf("the job %s may %v, want %v", name, got.Permissions, want.Permissions)
		}
	}
}

// Only the step that publishes has secrets, and the forge's token goes to no registry but
// the forge's. Which one there is, the repository does not say.
func TestWorkflowSecrets(t *testing.T) {
	t.Parallel()
	text, w := readWorkflow(t)
	const forge = "${{ vars.REGISTRY_IS_FORGE == 'true' && "
	want := map[string]string{
		"REGISTRY_USER":     forge + "github.actor || vars.REGISTRY_USER }}",
		"REGISTRY_PASSWORD": forge + "github.token || secrets.REGISTRY_PASSWORD }}",
		"GH_TOKEN":          "${{ github.token }}",
	}
	for name, job := range w.Jobs {
		for _, step := range job.Steps {
			switch {
			case name == "publish" && step.Run == "make publish":
				if !maps.Equal(step.Env, want) {
					t.Errorf("make publish has %v, want %v", step.Env, want)
				}
			case step.Env != nil:
				t.Errorf("the job %s has %v for %q", name, step.Env, step.Run)
			}
		}
		registry := map[string]string{"IMAGE_REGISTRY": "${{ vars.IMAGE_REGISTRY }}"}
		if name != "ci" && !maps.Equal(job.Env, registry) || name == "ci" && job.Env != nil {
			t.Errorf("the job %s has %v", name, job.Env)
		}
	}
	// Nor does an action get one.
	if secrets := regexp.MustCompile(`secrets\.|github\.token|toJSON`).FindAll(text, -1); len(secrets) != len(want) {
		t.Errorf("the workflow has %q", secrets)
	}
}

// An action is what its commit says, and the comment behind tells people which.
func TestWorkflowPinsActions(t *testing.T) {
	t.Parallel()
	text, w := readWorkflow(t)
	pinned := regexp.MustCompile(`^ +- uses: [a-z/-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$`)
	uses := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "uses:") {
			uses++
			if !pinned.MatchString(strings.TrimRight(line, "\n")) {
				t.Errorf("it is not pinned: %s", line)
			}
		}
	}
	if uses == 0 {
		t.Error("no action is used")
	}
	// Its Go is that of the Dockerfile.
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for name, job := range w.Jobs {
		image, _, _ := strings.Cut(job.Container.Image, "-")
		if image == "" || !bytes.Contains(dockerfile, []byte(" "+image+" AS build")) {
			t.Errorf("the job %s runs in %q, which is not the Go of the Dockerfile", name, job.Container.Image)
		}
	}
}

// Every module is kept up to date, those of the tools, too.
func TestDependabotKnowsEveryModule(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(".github", "dependabot.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directories []string `yaml:"directories"`
		} `yaml:"updates"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var directories []string
	for _, update := range config.Updates {
		if update.Ecosystem == "gomod" {
			directories = append(directories, update.Directories...)
		}
	}
	modules := 0
	err = filepath.WalkDir(".", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.Name() != "go.mod" {
			return err
		}
		modules++
		dir := path.Join("/", filepath.ToSlash(filepath.Dir(name)))
		if !slices.ContainsFunc(directories, func(pattern string) bool { ok, _ := path.Match(pattern, dir); return ok }) {
			t.Errorf("%s is not among %v", dir, directories)
		}
		return nil
	})
	if err != nil || modules < 2 {
		t.Errorf("%d modules: %v", modules, err)
	}
}
