# Microsoft Teams, by a workflow "when a webhook request is received": an
# Adaptive Card. Texts of a target stand in text runs, which know no markup.
# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
def line($name): {
  type: "RichTextBlock", spacing: "Small",
  inlines: [{type: "TextRun", text: "\($name): ", weight: "Bolder"},
            {type: "TextRun", text: .}]
};
{
  body: {
    type: "message",
    attachments: [{
      contentType: "application/vnd.microsoft.card.adaptive",
      contentUrl: null,
      content: {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        type: "AdaptiveCard",
        version: "1.4",
        fallbackText: headline,
        body: ([{type: "RichTextBlock",
                 inlines: [{type: "TextRun", text: headline, size: "Large",
                            weight: "Bolder",
                            color: (if is_recovery then "Good"
                                    else "Attention" end)}]}]
          + (facts | map(.[0] as $name | .[1] | line($name)))),
        actions: (links | .[:5]
          | map({type: "Action.OpenUrl", title: .[0], url: .[1]}))
      }
    }]
  }
}
