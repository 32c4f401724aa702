//go:build e2e

package comparison

import (
	"fmt"
	"strings"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// has tells whose metrics they are: each reader is asked by the names of its own.
func (a answer) has(prefix string) bool {
	for name := range a.Metrics {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (a answer) hidden() string    { return a.images("hidden", "true") }
func (a answer) community() string { return a.images("visibility", "community") }
func (a answer) tries() string     { return fmt.Sprintf("%d logins", a.logins) }

// left tells whether a request to the service outlives the scrape that it was for.
func (a answer) left() string {
	if a.open {
		return "the request is open"
	}
	return "no request is open"
}

// images gives how many images with a label are shown.
func (a answer) images(label, value string) string {
	switch {
	case a.has("glance_"):
		return fmt.Sprint(a.Value("glance_images", label, value))
	case a.has("openstack_"):
		count := 0
		for labels := range a.Metrics["openstack_glance_image_created_at"] {
			if strings.Contains(labels, fmt.Sprintf("%s=%q", label, value)) {
				count++
			}
		}
		return fmt.Sprint(count)
	default:
		return "not told"
	}
}

// unsized gives how many images are told to have no size.
func (a answer) unsized() string {
	switch {
	case a.has("glance_"):
		return fmt.Sprint(a.Value("glance_images_without_size"))
	case a.has("openstack_"):
		count := 0
		for _, bytes := range a.Metrics["openstack_glance_image_bytes"] {
			if bytes == 0 {
				count++
			}
		}
		return fmt.Sprintf("%d of 0 bytes", count)
	default:
		return "not told"
	}
}

// bytes gives the sum of the sizes.
func (a answer) bytes() string {
	return fmt.Sprintf("%.3g bytes", a.Value("glance_inventory_size_bytes")+a.Value("openstack_glance_image_bytes")+a.Value("image_bytes"))
}

// whole tells whether the reader says that it could read, and what it shows.
func (a answer) whole() string {
	switch {
	case !a.alive:
		return "the process has ended"
	case a.has("glance_"):
		if a.Up() {
			return fmt.Sprintf("up, %v images", a.Value("glance_inventory_images"))
		}
		return "down (" + a.Reason() + "), " + a.shown("glance_inventory_images")
	case a.has("openstack_"):
		return map[bool]string{true: "up", false: "down"}[a.Value("openstack_glance_up") == 1] + ", " + a.shown("openstack_glance_images") +
			", " + strings.Replace(a.series("openstack_glance_image_bytes"), "series", "sizes", 1)
	case a.has("image_count"):
		text := fmt.Sprintf("%v images", a.Value("image_count"))
		if a.err != nil {
			text += " of the run before"
		}
		return text
	default:
		return "no answer"
	}
}

// shown tells a number of images, where there is one.
func (a answer) shown(name string) string {
	if a.Metrics[name] == nil {
		return "no images"
	}
	return fmt.Sprintf("%v images", a.Value(name))
}

func (a answer) series(name string) string {
	if len(a.Metrics[name]) == 0 {
		return "no series"
	}
	return fmt.Sprintf("%d series", len(a.Metrics[name]))
}

// count counts the images that an administrator is to be shown.
func (c *cloud) count(pass func(*simcloud.Image) bool) string {
	return fmt.Sprint(c.TruthOf("admin", simcloud.V2, pass).Images)
}

// bytes is the sum of what v1.1 lists.
func (c *cloud) bytes() string {
	sum, _ := c.Truth("admin").Size.Float64()
	return fmt.Sprintf("%.3g bytes", sum)
}

func (c *cloud) up(version simcloud.Dialect) string {
	return fmt.Sprintf("up, %d images", c.TruthOf("admin", version, func(*simcloud.Image) bool { return true }).Images)
}

func upV2(c *cloud) string { return c.up(simcloud.V2) }

func down(reason string) func(*cloud) string {
	return func(*cloud) string { return "down (" + reason + "), no images" }
}
