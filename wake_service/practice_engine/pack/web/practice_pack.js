// What packs add to ComfyUI's web page: it asks its own route for the colours and shows them on the node.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

app.registerExtension({
  name: "practice.pack",

  async setup() {
    this.colours = await (await api.fetchApi("/practice_pack/colours")).json();
    document.documentElement.dataset.practicePack = Object.keys(this.colours).join(" ");
  },

  nodeCreated(node) {
    if (node.comfyClass === "PracticeFrame") node.color = this.colours?.indigo;
  },
});
